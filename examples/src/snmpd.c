/* snmpd: answers a GET of SNMP v1 and v2c (RFC 1157) for one object, the system description, UDP port 161.
 * The communities are read from the file that -c names: lines `rocommunity NAME` and `rwcommunity NAME`. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DESCRIPTION "sample router"

static int permitted(const char *file, const unsigned char *name, int length)
{
	char line[160], kind[32], community[96];
	int found = 0;
	FILE *settings = fopen(file, "r");
	while (settings && !found && fgets(line, sizeof line, settings))
		if (sscanf(line, "%31s %95s", kind, community) == 2 && strstr(kind, "community"))
			found = (int)strlen(community) == length && !memcmp(community, name, (size_t)length);
	if (settings) fclose(settings);
	return found;
}

int main(int argc, char **argv)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(161) }, from;
	const char *file = "/etc/snmpd.conf";
	unsigned char packet[600];
	int server = socket(AF_INET, SOCK_DGRAM, 0), n, pdu, length = (int)strlen(DESCRIPTION);
	if (getopt(argc, argv, "c:") == 'c') file = optarg;
	if (bind(server, (struct sockaddr *)&here, sizeof here)) {
		perror("snmpd");
		return 1;
	}
	for (;;) {
		socklen_t size = sizeof from;
		n = (int)recvfrom(server, packet, 120, 0, (struct sockaddr *)&from, &size);
		/* 30 len 02 01 version 04 len community, then the request; short lengths only */
		if (n < 20 || packet[0] != 0x30 || packet[1] != n - 2 || packet[5] != 0x04 || packet[6] > n - 8) continue;
		pdu = 7 + packet[6];
		if (packet[pdu] != 0xa0 || !permitted(file, packet + 7, packet[6])) continue;
		/* the empty value (05 00) at the end becomes the description */
		if (packet[n - 2] != 0x05 || packet[n - 1] != 0) continue;
		packet[pdu] = 0xa2;
		packet[n - 2] = 0x04;
		packet[n - 1] = (unsigned char)length;
		memcpy(packet + n, DESCRIPTION, (size_t)length);
		packet[1] += (unsigned char)length;
		packet[pdu + 1] += (unsigned char)length;
		/* the list of values and its only member grow too: both follow the three numbers of the request */
		int list = pdu + 2, i;
		for (i = 0; i < 3; i++) list += 2 + packet[list + 1];
		if (list + 3 < n) {
			packet[list + 1] += (unsigned char)length;
			packet[list + 3] += (unsigned char)length;
			sendto(server, packet, (size_t)(n + length), 0, (struct sockaddr *)&from, size);
		}
	}
}
