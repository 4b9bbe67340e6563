/* dhcpsd: hands out addresses on the LAN (RFC 2131, the four messages that a client needs), UDP port 67.
 * usage: dhcpsd ROUTER FIRST-HOST, as in `dhcpsd 192.168.1.1 100`; a host keeps its number as long as we run. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HOSTS 100
#define COOKIE "\x63\x82\x53\x63"

static unsigned char owners[HOSTS][6];

static int number_of(const unsigned char *mac)
{
	static const unsigned char none[6];
	int i;
	for (i = 0; i < HOSTS; i++)
		if (!memcmp(owners[i], mac, 6) || !memcmp(owners[i], none, 6)) {
			memcpy(owners[i], mac, 6);
			return i;
		}
	return -1;
}

static int option(unsigned char *out, int code, int length, const void *value)
{
	out[0] = (unsigned char)code;
	out[1] = (unsigned char)length;
	memcpy(out + 2, value, (size_t)length);
	return length + 2;
}

/* Return the message type (option 53) or 0. */
static int type_of(const unsigned char *packet, int length)
{
	int at = 240;
	while (at + 2 < length && packet[at] != 255) {
		if (packet[at] == 53) return packet[at + 2];
		at += packet[at] ? packet[at + 1] + 2 : 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(67) };
	struct sockaddr_in all = { .sin_family = AF_INET, .sin_port = htons(68), .sin_addr.s_addr = INADDR_BROADCAST };
	unsigned char packet[1500];
	struct in_addr router, mask = { htonl(0xffffff00) }, given;
	unsigned lease = htonl(43200);
	int on = 1, n, at, host, type, server = socket(AF_INET, SOCK_DGRAM, 0);
	if (argc != 3 || !inet_aton(argv[1], &router)) return 2;
	setsockopt(server, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
	if (bind(server, (struct sockaddr *)&here, sizeof here)) {
		perror("dhcpsd");
		return 1;
	}
	for (;;) {
		memset(packet, 0, sizeof packet);
		n = (int)recv(server, packet, sizeof packet, 0);
		if (n < 244 || packet[0] != 1 || memcmp(packet + 236, COOKIE, 4)) continue;
		type = type_of(packet, n);
		host = number_of(packet + 28);
		if ((type != 1 && type != 3) || host < 0) continue;
		given.s_addr = htonl((ntohl(router.s_addr) & 0xffffff00) + (unsigned)atoi(argv[2]) + (unsigned)host);
		packet[0] = 2;
		memcpy(packet + 16, &given, 4);
		memcpy(packet + 20, &router, 4);
		at = 240;
		packet[at++] = 53;
		packet[at++] = 1;
		packet[at++] = type == 1 ? 2 : 5;
		at += option(packet + at, 54, 4, &router);
		at += option(packet + at, 51, 4, &lease);
		at += option(packet + at, 1, 4, &mask);
		at += option(packet + at, 3, 4, &router);
		at += option(packet + at, 6, 4, &router);
		packet[at++] = 255;
		sendto(server, packet, (size_t)at, 0, (struct sockaddr *)&all, sizeof all);
	}
}
