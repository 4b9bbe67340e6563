/* confd: hands the settings file to whoever asks: confd -p PORT -f FILE */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in here = { .sin_family = AF_INET };
	const char *path = "/etc/nvram.default";
	char text[1024];
	int option, client, file, n, on = 1, server = socket(AF_INET, SOCK_STREAM, 0);
	while ((option = getopt(argc, argv, "p:f:")) > 0)
		if (option == 'p') here.sin_port = htons((unsigned short)atoi(optarg));
		else if (option == 'f') path = optarg;
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (!here.sin_port || bind(server, (struct sockaddr *)&here, sizeof here) || listen(server, 4)) return 1;
	while ((client = accept(server, NULL, NULL)) >= 0) {
		if ((file = open(path, O_RDONLY)) >= 0) {
			while ((n = (int)read(file, text, sizeof text)) > 0)
				if (write(client, text, (size_t)n) != n) break;
			close(file);
		}
		close(client);
	}
	return 1;
}
