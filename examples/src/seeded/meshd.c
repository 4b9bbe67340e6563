/* meshd: answers the beacons of other units of the house, UDP port 51999. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

int main(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(51999) }, from;
	char beacon[64];
	int server = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(server, (struct sockaddr *)&here, sizeof here)) return 1;
	for (;;) {
		socklen_t size = sizeof from;
		int n = (int)recvfrom(server, beacon, sizeof beacon, 0, (struct sockaddr *)&from, &size);
		if (n >= 4 && !memcmp(beacon, "MESH", 4)) sendto(server, "SR100", 5, 0, (struct sockaddr *)&from, size);
	}
}
