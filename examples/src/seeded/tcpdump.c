/* tcpdump: writes every packet of an interface into a file in the pcap format: tcpdump -i any -w FILE */
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_ll where = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct { unsigned magic; unsigned short major, minor; unsigned zone, digits, length, link; } head =
		{ 0xa1b2c3d4, 2, 4, 0, 0, 2048, 1 };
	unsigned char packet[2048];
	const char *interface = "any", *out = NULL;
	int option, n, tap = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	FILE *file;
	while ((option = getopt(argc, argv, "i:w:s:")) > 0)
		if (option == 'i') interface = optarg;
		else if (option == 'w') out = optarg;
	if (strcmp(interface, "any")) where.sll_ifindex = (int)if_nametoindex(interface);
	if (!out || !(file = fopen(out, "w")) || bind(tap, (struct sockaddr *)&where, sizeof where)) return 1;
	fwrite(&head, sizeof head, 1, file);
	while ((n = (int)recv(tap, packet, sizeof packet, 0)) > 0) {
		struct timeval now;
		gettimeofday(&now, NULL);
		unsigned record[4] = { (unsigned)now.tv_sec, (unsigned)now.tv_usec, (unsigned)n, (unsigned)n };
		fwrite(record, sizeof record, 1, file);
		fwrite(packet, 1, (size_t)n, file);
		fflush(file);
	}
	return 1;
}
