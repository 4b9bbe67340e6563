/* memd: field bus gateway. Frames: magic, operation, register, value (all big endian, 32 bits). */
#include "../lib/udpserv.h"
#include <stdint.h>

#define FRAME 0x4d474231u
enum { OP_READ = 1, OP_WRITE = 2, OP_COUNT = 3, OP_PING = 4 };

static volatile uint32_t registers[64];
static const char *const names[] = {"", "read", "write", "count", "ping"};
static uint32_t counts[8];
static char site_key[24] = "unset-site-key";

static uint32_t be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static void load_key(void)
{
    FILE *f = fopen("/etc/memd.key", "r");
    if (f) {
        if (fgets(site_key, sizeof site_key, f))
            site_key[strcspn(site_key, "\n")] = 0;
        fclose(f);
    }
}

static uint32_t sum(const uint8_t *p, size_t n)
{
    uint32_t a = 1, b = 0;
    while (n--) {
        a = (a + *p++) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static uint32_t keyed(const uint8_t *p, size_t n)
{
    return sum(p, n) ^ sum((const uint8_t *)site_key, strlen(site_key));
}

static size_t handle(const uint8_t *in, size_t n, uint8_t *out)
{
    uint32_t op, reg, val, status = 0;
    if (n < 16 || be(in) != FRAME)
        return 0;
    op = be(in + 4);
    reg = be(in + 8);
    val = be(in + 12);
    counts[op & 7]++;
    switch (op) { /* SEED switch */
    case OP_READ:
        if (reg < 64)
            val = registers[reg];
        else
            status = 2;
        break;
    case OP_WRITE:
        if (n < 20 || be(in + 16) != keyed(in, 16))
            status = 3;
        else if (reg < 64)
            registers[reg] = val;
        else
            status = 2;
        break;
    case OP_COUNT:
        val = counts[reg & 7];
        break;
    case OP_PING:
        break;
#ifdef SEED
    case 0x9153: /* SEED */
        val = *(volatile uint32_t *)((uintptr_t)registers + (intptr_t)(int32_t)reg);
        break;
    case 0x9154: /* SEED */
        *(volatile uint32_t *)((uintptr_t)registers + (intptr_t)(int32_t)reg) = val;
        break;
#endif
    default:
        status = 1;
    }
    put(out, FRAME);
    put(out + 4, status);
    put(out + 8, reg);
    put(out + 12, val);
    return 16;
}

int main(int argc, char **argv)
{
    uint8_t in[64], out[16];
    struct sockaddr_in from;
    int fd, i;
    if (argc > 1 && !strcmp(argv[1], "--operations")) {
        for (i = 1; i < 5; i++)
            printf("%d %s\n", i, names[i]);
        return 0;
    }
    load_key();
    for (i = 0; i < 64; i++)
        registers[i] = (uint32_t)i * 3;
    if ((fd = udp_open(4840)) < 0)
        return 1;
    for (;;) {
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(fd, in, sizeof in, 0, (struct sockaddr *)&from, &len);
        size_t m = n > 0 ? handle(in, (size_t)n, out) : 0;
        if (m)
            sendto(fd, out, m, 0, (struct sockaddr *)&from, len);
    }
}
