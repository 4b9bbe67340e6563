/* ntpc: sets the clock from the NTP servers that its settings name (RFC 4330), once an hour.
 * usage: ntpc -c FILE, with lines `server NAME` */
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SINCE_1900 2208988800u

static int ask(const char *name)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_DGRAM }, *found;
	unsigned char packet[48] = { 0x1b };
	struct pollfd wait = { .events = POLLIN };
	struct timeval now = { 0 };
	int good = 0;
	if (getaddrinfo(name, "123", &hints, &found)) return 0;
	wait.fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (!connect(wait.fd, found->ai_addr, found->ai_addrlen) && send(wait.fd, packet, 48, 0) == 48 &&
	    poll(&wait, 1, 5000) == 1 && recv(wait.fd, packet, 48, 0) == 48) {
		unsigned seconds = (unsigned)packet[40] << 24 | packet[41] << 16 | packet[42] << 8 | packet[43];
		now.tv_sec = (time_t)(seconds - SINCE_1900);
		good = !settimeofday(&now, NULL);
	}
	close(wait.fd);
	freeaddrinfo(found);
	return good;
}

int main(int argc, char **argv)
{
	char line[200], name[128];
	const char *file = "/etc/ntp.conf";
	if (getopt(argc, argv, "c:") == 'c') file = optarg;
	for (;;) {
		FILE *settings = fopen(file, "r");
		int good = 0;
		while (settings && !good && fgets(line, sizeof line, settings))
			if (sscanf(line, "server %127s", name) == 1) good = ask(name);
		if (settings) fclose(settings);
		sleep(good ? 3600 : 60);
	}
}
