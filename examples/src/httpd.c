/* httpd: the web pages of the router, on TCP port 80. Pages below /admin ask for a name and password.
 *   -u NAME:PASSWORD   the login, given in clear
 *   -a FILE            the login, one line NAME:HASH as crypt(3) writes it
 *   -x FILE            logins of a settings file, as <name>NAME</name><password>PASSWORD</password>
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <crypt.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 80
#define DOCROOT "/www"

static const char *plain, *hashed, *listed;

static int decode(const char *in, char *out, int size)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0, n = 0;
	int used = 0;
	for (; *in && strchr(set, *in) && used < size - 1; in++) {
		bits = bits << 6 | (unsigned)(strchr(set, *in) - set);
		if ((n += 6) >= 8) out[used++] = (char)(bits >> (n -= 8));
	}
	out[used] = 0;
	return used;
}

static int in_list(const char *login)
{
	char text[4096], wanted[300];
	const char *password = strchr(login, ':');
	FILE *file = fopen(listed, "r");
	size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
	if (file) fclose(file);
	text[n] = 0;
	if (!password) return 0;
	snprintf(wanted, sizeof wanted, "<name>%.*s</name><password>%s</password>", (int)(password - login), login, password + 1);
	return strstr(text, wanted) != NULL;
}

static int allowed(const char *login)
{
	char line[256], *password, *hash;
	const char *made;
	FILE *file;
	int good = 0;
	if (plain && !strcmp(login, plain)) return 1;
	if (listed && in_list(login)) return 1;
	if (!hashed || !(file = fopen(hashed, "r"))) return 0;
	password = strchr(login, ':');
	if (password && fgets(line, sizeof line, file) && (hash = strchr(line, ':'))) {
		hash[strcspn(hash, "\r\n")] = 0;
		good = password - login == hash - line && !strncmp(login, line, (size_t)(hash - line));
		made = crypt(password + 1, hash + 1);
		good = good && made && !strcmp(made, hash + 1);
	}
	fclose(file);
	return good;
}

static const char *kind(const char *path)
{
	const char *dot = strrchr(path, '.');
	if (dot && !strcmp(dot, ".css")) return "text/css";
	if (dot && !strcmp(dot, ".js")) return "text/javascript";
	if (dot && !strcmp(dot, ".svg")) return "image/svg+xml";
	return "text/html; charset=utf-8";
}

static void serve(int client)
{
	char request[4096], path[512], full[600], login[128] = "", buffer[4096], *at;
	int file, n = (int)read(client, request, sizeof request - 1);
	if (n <= 0) return;
	request[n] = 0;
	if (sscanf(request, "GET %500s", path) != 1 || strstr(path, "..")) {
		dprintf(client, "HTTP/1.0 400 Bad Request\r\n\r\n");
		return;
	}
	if ((at = strcasestr(request, "\r\nAuthorization: Basic "))) decode(at + 23, login, sizeof login);
	if (!strncmp(path, "/admin", 6) && !allowed(login)) {
		dprintf(client, "HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"router\"\r\n\r\n");
		return;
	}
	snprintf(full, sizeof full, DOCROOT "%s%s", path, path[strlen(path) - 1] == '/' ? "index.html" : "");
	if ((file = open(full, O_RDONLY)) < 0) {
		dprintf(client, "HTTP/1.0 404 Not Found\r\n\r\nnot found\n");
		return;
	}
	dprintf(client, "HTTP/1.0 200 OK\r\nContent-Type: %s\r\n\r\n", kind(full));
	while ((n = (int)read(file, buffer, sizeof buffer)) > 0)
		if (write(client, buffer, (size_t)n) != n) break;
	close(file);
}

int main(int argc, char **argv)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int option, on = 1, client, server = socket(AF_INET, SOCK_STREAM, 0);
	while ((option = getopt(argc, argv, "u:a:x:")) > 0)
		if (option == 'u') plain = optarg;
		else if (option == 'a') hashed = optarg;
		else if (option == 'x') listed = optarg;
	signal(SIGCHLD, SIG_IGN);
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(server, (struct sockaddr *)&here, sizeof here) || listen(server, 16)) {
		perror("httpd");
		return 1;
	}
	while ((client = accept(server, NULL, NULL)) >= 0) {
		if (!fork()) {
			alarm(20);
			serve(client);
			_exit(0);
		}
		close(client);
	}
	return 1;
}
