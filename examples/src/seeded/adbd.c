/* adbd: the part of the Android debug bridge's protocol that gives a shell command, without asking who it is: TCP 5555.
 * Messages: six little-endian words (command, two arguments, length, checksum, command inverted), then the data. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CNXN 0x4e584e43u
#define OPEN 0x4e45504fu
#define OKAY 0x59414b4fu
#define WRTE 0x45545257u
#define CLSE 0x45534c43u

struct message { unsigned command, first, second, length, check, magic; };

static void say(int client, unsigned command, unsigned first, unsigned second, const char *data, unsigned length)
{
	struct message m = { command, first, second, length, 0, ~command };
	unsigned i;
	for (i = 0; i < length; i++) m.check += (unsigned char)data[i];
	if (write(client, &m, sizeof m) < 0 || write(client, data, length) < 0) _exit(1);
}

static void shell(int client, const char *command, unsigned theirs)
{
	char out[1024];
	size_t n;
	FILE *pipe = popen(command, "r");
	say(client, OKAY, 1, theirs, "", 0);
	while (pipe && (n = fread(out, 1, sizeof out, pipe)) > 0) say(client, WRTE, 1, theirs, out, (unsigned)n);
	if (pipe) pclose(pipe);
	say(client, CLSE, 1, theirs, "", 0);
}

static void serve(int client)
{
	struct message m;
	char data[1025];
	while (recv(client, &m, sizeof m, MSG_WAITALL) == sizeof m && m.length < sizeof data) {
		if (m.length && recv(client, data, m.length, MSG_WAITALL) != (ssize_t)m.length) return;
		data[m.length] = 0;
		if (m.command == CNXN) say(client, CNXN, 0x01000000, 4096, "device::sr100", 14);
		else if (m.command == OPEN && !strncmp(data, "shell:", 6)) shell(client, data + 6, m.first);
	}
}

int main(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(5555) };
	int on = 1, client, server = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(server, (struct sockaddr *)&here, sizeof here) || listen(server, 2)) return 1;
	while ((client = accept(server, NULL, NULL)) >= 0) {
		if (!fork()) {
			serve(client);
			_exit(0);
		}
		close(client);
	}
	return 1;
}
