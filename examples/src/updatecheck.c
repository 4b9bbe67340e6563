/* updatecheck: asks the maker's server once a day which version is the newest, and leaves the answer for the web pages.
 * It sends the model and the version and nothing else; it installs nothing. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER "updates.sample-router-vendor.net"
#define QUESTION "GET /sr100/latest?have=1.0.0 HTTP/1.0\r\nHost: " SERVER "\r\nUser-Agent: sr100/1.0.0\r\n\r\n"

static void check(void)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found;
	char answer[1024];
	int stream, n;
	FILE *file;
	if (getaddrinfo(SERVER, "80", &hints, &found)) return;
	stream = socket(AF_INET, SOCK_STREAM, 0);
	if (!connect(stream, found->ai_addr, found->ai_addrlen) &&
	    write(stream, QUESTION, sizeof QUESTION - 1) == (ssize_t)sizeof QUESTION - 1 &&
	    (n = (int)read(stream, answer, sizeof answer - 1)) > 0 && (file = fopen("/var/run/newest-version", "w"))) {
		answer[n] = 0;
		fputs(answer, file);
		fclose(file);
	}
	close(stream);
	freeaddrinfo(found);
}

int main(void)
{
	for (;;) {
		check();
		sleep(86400);
	}
}
