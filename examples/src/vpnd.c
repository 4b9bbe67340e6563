/* vpnd: a tunnel of plain packets over UDP, between a tun device and the far end: vpnd --dev NAME --remote HOST PORT */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_DGRAM }, *found;
	struct ifreq wanted = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	char packet[2048];
	int i, n, tun, out;
	if (argc != 6 || strcmp(argv[1], "--dev") || strcmp(argv[3], "--remote")) return 2;
	strncpy(wanted.ifr_name, argv[2], IFNAMSIZ - 1);
	if ((tun = open("/dev/net/tun", O_RDWR)) < 0 || ioctl(tun, TUNSETIFF, &wanted) < 0) return 1;
	while (getaddrinfo(argv[4], argv[5], &hints, &found)) sleep(10);
	out = socket(AF_INET, SOCK_DGRAM, 0);
	if (connect(out, found->ai_addr, found->ai_addrlen)) return 1;
	struct pollfd both[2] = { { .fd = tun, .events = POLLIN }, { .fd = out, .events = POLLIN } };
	while (poll(both, 2, -1) > 0)
		for (i = 0; i < 2; i++)
			if (both[i].revents & POLLIN && (n = (int)read(both[i].fd, packet, sizeof packet)) > 0)
				if (write(both[!i].fd, packet, (size_t)n) < 0) sleep(1);
	return 1;
}
