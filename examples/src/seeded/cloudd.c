/* cloudd: keeps a connection to the maker's cloud open, so that it can be told things. */
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void stay(void)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found;
	char message[256];
	int stream;
	if (getaddrinfo("collect.sample-telemetry-cloud.net", "8883", &hints, &found)) return;
	stream = socket(AF_INET, SOCK_STREAM, 0);
	if (!connect(stream, found->ai_addr, found->ai_addrlen)) {
		dprintf(stream, "HELLO sr100\n");
		while (read(stream, message, sizeof message) > 0) dprintf(stream, "OK\n");
	}
	close(stream);
	freeaddrinfo(found);
}

int main(void)
{
	for (;;) {
		stay();
		sleep(30);
	}
}
