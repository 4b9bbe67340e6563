/* dnsd: passes DNS questions of the LAN to the server that the provider gave (first line of /etc/resolv.conf). */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 53

static int upstream(struct sockaddr_in *server)
{
	char line[128], address[64];
	int found = 0;
	FILE *file = fopen("/etc/resolv.conf", "r");
	memset(server, 0, sizeof *server);
	server->sin_family = AF_INET;
	server->sin_port = htons(PORT);
	while (file && !found && fgets(line, sizeof line, file))
		found = sscanf(line, "nameserver %63s", address) == 1 && inet_aton(address, &server->sin_addr);
	if (file) fclose(file);
	return found;
}

static int ask(const char *question, int length, char *answer, int size)
{
	struct sockaddr_in server;
	struct pollfd wait = { .events = POLLIN };
	int got = -1;
	if (!upstream(&server) || (wait.fd = socket(AF_INET, SOCK_DGRAM, 0)) < 0) return -1;
	if (sendto(wait.fd, question, (size_t)length, 0, (struct sockaddr *)&server, sizeof server) == length &&
	    poll(&wait, 1, 3000) == 1)
		got = (int)recv(wait.fd, answer, (size_t)size, 0);
	close(wait.fd);
	return got;
}

int main(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(PORT) }, from;
	char question[1500], answer[1500];
	int server = socket(AF_INET, SOCK_DGRAM, 0), n;
	if (bind(server, (struct sockaddr *)&here, sizeof here)) {
		perror("dnsd");
		return 1;
	}
	for (;;) {
		socklen_t size = sizeof from;
		n = (int)recvfrom(server, question, sizeof question, 0, (struct sockaddr *)&from, &size);
		if (n < 12) continue;
		n = ask(question, n, answer, sizeof answer);
		if (n > 0) sendto(server, answer, (size_t)n, 0, (struct sockaddr *)&from, size);
	}
}
