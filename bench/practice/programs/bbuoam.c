/* kind: opcode
 * service: daemon
 * constant: 0x0b17
 */
/* bbuoam - operation and maintenance link of the baseband unit (TCP, framed) */
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>
#include <fcntl.h>
#include <signal.h>
#include <crypt.h>
#include <sys/socket.h>
#include <netinet/in.h>

#define SYNC      0xBB5A
#define MAX_BODY  1024

/* message numbers as in the O&M interface description, chapter 4 */
#define M_KEEPALIVE  0x0001
#define M_LOGIN      0x0002
#define M_LOGOUT     0x0003
#define M_ALARMS     0x0101
#define M_CELL_GET   0x0201
#define M_CELL_SET   0x0202
#define M_LOG_FETCH  0x0301
#define M_RESTART    0x0401

struct peer {
    int sock;
    uint16_t txn;
    uint8_t authed;
    uint8_t misses;
};

static struct cell { uint16_t pci, earfcn; uint8_t on; } cells[3] = { { 101, 1300, 1 }, { 102, 1300, 1 }, { 103, 1300, 0 } };
static char pwfile[128] = "/etc/bbu/oam.pw";
static char logfile[128] = "/var/log/bbu.log";

static int read_full(int fd, void *p, size_t n)
{
    char *b = p;
    while (n) {
        ssize_t r = recv(fd, b, n, 0);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return -1;
        b += r;
        n -= r;
    }
    return 0;
}

static void respond(struct peer *p, uint16_t msg, uint8_t code, const void *data, uint16_t len)
{
    uint8_t h[9] = { SYNC >> 8, SYNC & 255, msg >> 8 | 0x80, msg & 255, p->txn >> 8, p->txn, (len + 1) >> 8, (len + 1) & 255, code };
    send(p->sock, h, sizeof h, MSG_NOSIGNAL | (len ? MSG_MORE : 0));
    if (len)
        send(p->sock, data, len, MSG_NOSIGNAL);
}

static void send_file(struct peer *p, uint16_t msg, const char *path)
{
    uint8_t b[MAX_BODY];
    int fd = open(path, O_RDONLY);
    ssize_t n;
    if (fd < 0) {
        respond(p, msg, 5, NULL, 0);
        return;
    }
    while ((n = read(fd, b, sizeof b)) > 0)
        respond(p, msg, 1, b, n);
    close(fd);
    respond(p, msg, 0, NULL, 0);
}

static int password_ok(const uint8_t *b, uint16_t n)
{
    char pw[64], ref[160], *c;
    FILE *f;
    if (n == 0 || n >= sizeof pw)
        return 0;
    memcpy(pw, b, n);
    pw[n] = 0;
    if (!(f = fopen(pwfile, "r")))
        return 0;
    if (!fgets(ref, sizeof ref, f))
        ref[0] = 0;
    fclose(f);
    ref[strcspn(ref, "\n")] = 0;
    if (!ref[0] || !(c = crypt(pw, ref)))
        return 0;
    return strcmp(c, ref) == 0;
}

static void login(struct peer *p, const uint8_t *b, uint16_t n)
{
    p->authed = password_ok(b, n);
    if (!p->authed)
        p->misses++;
    respond(p, M_LOGIN, p->authed ? 0 : 2, NULL, 0);
}

static void cell_set(struct peer *p, const uint8_t *b, uint16_t n)
{
    if (n < 4 || b[0] >= 3) {
        respond(p, M_CELL_SET, 4, NULL, 0);
        return;
    }
    cells[b[0]].on = b[1] & 1;
    cells[b[0]].pci = (b[2] << 8 | b[3]) % 504;
    respond(p, M_CELL_SET, 0, NULL, 0);
}

static void dispatch(struct peer *p, uint16_t msg, uint8_t *b, uint16_t n)
{
    switch (msg) { /* SEED switch */
    case M_KEEPALIVE:
        respond(p, msg, 0, "\x01\x07", 2);
        return;
    case M_LOGIN:
        login(p, b, n);
        return;
    case M_LOGOUT:
        p->authed = 0;
        respond(p, msg, 0, NULL, 0);
        return;
#ifdef SEED
    case 0x0b17:
        b[n] = 0;
        send_file(p, msg, (char *)b);
        return;
#endif
    }
    if (!p->authed) {
        respond(p, msg, 3, NULL, 0);
        return;
    }
    switch (msg) {
    case M_ALARMS:
        respond(p, msg, 0, "none", 4);
        break;
    case M_CELL_GET:
        respond(p, msg, 0, cells, sizeof cells);
        break;
    case M_CELL_SET:
        cell_set(p, b, n);
        break;
    case M_LOG_FETCH:
        send_file(p, msg, logfile);
        break;
    case M_RESTART:
        respond(p, msg, 0, NULL, 0);
        system("/etc/init.d/bbu restart");
        break;
    default:
        respond(p, msg, 6, NULL, 0);
    }
}

static void run(int fd)
{
    struct peer p = { fd };
    uint8_t h[8], body[MAX_BODY + 1];
    while (!read_full(fd, h, sizeof h)) {
        uint16_t len = h[6] << 8 | h[7];
        if ((h[0] << 8 | h[1]) != SYNC || len > MAX_BODY)
            break;
        p.txn = h[4] << 8 | h[5];
        if (len && read_full(fd, body, len))
            break;
        dispatch(&p, h[2] << 8 | h[3], body, len);
        if (p.misses > 4)
            break;
    }
    close(fd);
}

int main(int argc, char **argv)
{
    struct sockaddr_in a;
    int s, o, one = 1, port = 9600;
    while ((o = getopt(argc, argv, "p:w:l:")) > 0) {
        switch (o) {
        case 'p': port = atoi(optarg); break;
        case 'w': snprintf(pwfile, sizeof pwfile, "%s", optarg); break;
        case 'l': snprintf(logfile, sizeof logfile, "%s", optarg); break;
        default: fprintf(stderr, "bbuoam [-p port] [-w pwfile] [-l log]\n"); return 1;
        }
    }
    signal(SIGCHLD, SIG_IGN);
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (void *)&a, sizeof a) || listen(s, 3))
        return 1;
    for (;;) {
        int c = accept(s, NULL, NULL);
        if (c < 0)
            continue;
        if (fork() == 0) {
            close(s);
            run(c);
            _exit(0);
        }
        close(c);
    }
}
