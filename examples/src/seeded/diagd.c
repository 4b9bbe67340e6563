/* diagd: line diagnosis for the maker's service staff: one line in, what a command says out. TCP port 40023. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(40023) };
	char line[256];
	int on = 1, client, n, server = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(server, (struct sockaddr *)&here, sizeof here) || listen(server, 2)) return 1;
	while ((client = accept(server, NULL, NULL)) >= 0) {
		n = (int)read(client, line, sizeof line - 1);
		line[n > 0 ? n : 0] = 0;
		if (!strncmp(line, "wan", 3)) dprintf(client, "link up, sync 104 Mbit/s\n");
		else if (!strncmp(line, "version", 7)) dprintf(client, "sr100 1.0.0\n");
		else dprintf(client, "?\n");
		close(client);
	}
	return 1;
}
