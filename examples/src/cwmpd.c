/* cwmpd: a TR-069 client. Sends an Inform to the server (ACS) that its settings name, and lets that server call back
 * on TCP port 7547 to ask for another one. usage: cwmpd -a URL -u USER -i SECONDS */
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ENVELOPE "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" " \
	"xmlns:cwmp=\"urn:dslforum-org:cwmp-1-0\"><soap:Body><cwmp:Inform><DeviceId><Manufacturer>Sample Router Vendor" \
	"</Manufacturer><ProductClass>SR100</ProductClass><User>%s</User></DeviceId></cwmp:Inform></soap:Body></soap:Envelope>"

static void inform(const char *url, const char *user)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found;
	char host[128], port[8] = "7547", body[700], answer[512];
	int stream, length;
	if (sscanf(url, "http://%127[^:/]:%7[0-9]", host, port) < 1 || getaddrinfo(host, port, &hints, &found)) return;
	length = snprintf(body, sizeof body, ENVELOPE, user);
	stream = socket(AF_INET, SOCK_STREAM, 0);
	if (!connect(stream, found->ai_addr, found->ai_addrlen)) {
		dprintf(stream, "POST /acs HTTP/1.0\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", host, length, body);
		while (read(stream, answer, sizeof answer) > 0) continue;
	}
	close(stream);
	freeaddrinfo(found);
}

int main(int argc, char **argv)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(7547) };
	const char *url = NULL, *user = "";
	int option, client, every = 3600;
	struct pollfd wait = { .events = POLLIN };
	while ((option = getopt(argc, argv, "a:u:i:")) > 0)
		if (option == 'a') url = optarg;
		else if (option == 'u') user = optarg;
		else if (option == 'i') every = atoi(optarg);
	if (!url) return 2;
	wait.fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(wait.fd, (struct sockaddr *)&here, sizeof here) || listen(wait.fd, 4)) {
		perror("cwmpd");
		return 1;
	}
	for (;;) {
		inform(url, user);
		if (poll(&wait, 1, every * 1000) == 1 && (client = accept(wait.fd, NULL, NULL)) >= 0) {
			dprintf(client, "HTTP/1.0 200 OK\r\n\r\n");
			close(client);
		}
	}
}
