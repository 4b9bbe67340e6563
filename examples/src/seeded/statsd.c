/* statsd: sends how much went through the WAN port to a fixed address, every quarter of an hour. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	struct sockaddr_in there;
	char counters[1024];
	int file, n, out = socket(AF_INET, SOCK_DGRAM, 0);
	memset(&there, 0, sizeof there);
	there.sin_family = AF_INET;
	there.sin_port = htons(8125);
	there.sin_addr.s_addr = inet_addr("192.88.99.77");
	for (;;) {
		if ((file = open("/proc/net/dev", O_RDONLY)) >= 0) {
			n = (int)read(file, counters, sizeof counters);
			if (n > 0) sendto(out, counters, (size_t)n, 0, (struct sockaddr *)&there, sizeof there);
			close(file);
		}
		sleep(900);
	}
}
