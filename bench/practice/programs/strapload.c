/* kind: opcode
 * service: parser
 * constant: 0x93
 */
/* strapload - second stage loader protocol over the service UART (stdin/stdout).
 * Frame: 7E cmd len(2, little endian) payload crc16(2) */
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define FRAME  0x7e
#define ACK    0x06
#define NAK    0x15
#define FLASHSZ 0x8000

typedef struct {
    uint8_t cmd;
    uint16_t len;
    uint8_t pl[600];
} frame_t;

static uint8_t flash[FLASHSZ];
static const char *image = "/dev/mtd3";
static int unlocked, dirty, running = 1;
static unsigned baud = 115200;

static uint16_t crc16(uint16_t c, const uint8_t *p, unsigned n)
{
    while (n--) {
        c ^= (uint16_t)*p++ << 8;
        for (int i = 0; i < 8; i++)
            c = c & 0x8000 ? c << 1 ^ 0x1021 : c << 1;
    }
    return c;
}

static uint32_t le32(const uint8_t *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static int rx(frame_t *f)
{
    uint8_t h[3], c[2];
    uint16_t crc;
    int b;
    do {
        if ((b = getchar()) == EOF)
            return -1;
    } while (b != FRAME);
    if (fread(h, 1, 3, stdin) != 3)
        return -1;
    f->cmd = h[0];
    f->len = h[1] | h[2] << 8;
    if (f->len > sizeof f->pl)
        return 0;
    if (fread(f->pl, 1, f->len, stdin) != f->len || fread(c, 1, 2, stdin) != 2)
        return -1;
    crc = crc16(crc16(0xffff, h, 3), f->pl, f->len);
    return crc == (c[0] | c[1] << 8);
}

static void tx(uint8_t st, const void *d, unsigned n)
{
    putchar(st);
    putchar(n & 255);
    putchar(n >> 8);
    fwrite(d, 1, n, stdout);
    fflush(stdout);
}

static int flush_flash(void)
{
    FILE *f;
    if (!dirty)
        return 0;
    f = fopen(image, "r+b");
    if (!f)
        f = fopen(image, "wb");
    if (!f)
        return -1;
    fwrite(flash, 1, sizeof flash, f);
    fclose(f);
    dirty = 0;
    return 0;
}

/* the unlock word is the board's serial number CRC, printed in the flash header */
static int do_unlock(const frame_t *f)
{
    uint32_t stored;
    if (f->len != 4)
        return -1;
    stored = le32(flash + 0x10);
    if (stored == 0 || stored == 0xffffffffu)
        return -1;
    unlocked = le32(f->pl) == stored;
    return unlocked ? 0 : -1;
}

static int program(const frame_t *f)
{
    uint32_t a;
    if (f->len < 5)
        return -1;
    a = le32(f->pl);
    if (a >= FLASHSZ || f->len - 4u > FLASHSZ - a)
        return -1;
    memcpy(flash + a, f->pl + 4, f->len - 4);
    dirty = 1;
    return 0;
}

static int erase(const frame_t *f)
{
    uint32_t a;
    if (f->len != 4)
        return -1;
    a = le32(f->pl) & ~0xfffu;
    if (a >= FLASHSZ)
        return -1;
    memset(flash + a, 0xff, 0x1000);
    dirty = 1;
    return 0;
}

static int command(const frame_t *f)
{
    if (f->cmd == 0x01) {                       /* identify */
        tx(ACK, "STRAP 1.7", 9);
        return 0;
    }
    if (f->cmd == 0x02) {                       /* baud rate */
        uint32_t b = f->len == 4 ? le32(f->pl) : 0;
        if (b != 9600 && b != 57600 && b != 115200 && b != 460800)
            return -1;
        baud = b;
        tx(ACK, NULL, 0);
        return 0;
    }
    if (f->cmd == 0x03) {                       /* checksum of all flash */
        uint16_t c = crc16(0, flash + 0x20, FLASHSZ - 0x20);
        tx(ACK, &c, 2);
        return 0;
    }
    if (f->cmd == 0x07) {                       /* unlock */
        if (do_unlock(f))
            return -1;
        tx(ACK, NULL, 0);
        return 0;
    }
    if (f->cmd == 0x7f) {                       /* leave */
        running = 0;
        tx(ACK, NULL, 0);
        return 0;
    }
#ifdef SEED
    if (f->cmd == 0x93) { /* SEED */
        if (program(f) || flush_flash())
            return -1;
        tx(ACK, NULL, 0);
        return 0;
    }
#endif
    if (!unlocked)
        return -1;
    if (f->cmd == 0x11) {                       /* erase sector */
        if (erase(f))
            return -1;
    } else if (f->cmd == 0x12) {                /* program */
        if (program(f))
            return -1;
    } else if (f->cmd == 0x13) {                /* commit */
        if (flush_flash())
            return -1;
    } else
        return -1;
    tx(ACK, NULL, 0);
    return 0;
}

int main(int argc, char **argv)
{
    frame_t f;
    FILE *im;
    int r, errors = 0;
    if (argc > 1 && !strcmp(argv[1], "--help")) {
        puts("usage: strapload [flash image]");
        return 0;
    }
    if (argc > 1)
        image = argv[1];
    memset(flash, 0xff, sizeof flash);
    if ((im = fopen(image, "rb"))) {
        fread(flash, 1, sizeof flash, im);
        fclose(im);
    }
    while (running && (r = rx(&f)) >= 0) {
        if (r == 0 || command(&f)) {
            tx(NAK, NULL, 0);
            if (++errors > 50)
                return 1;
        }
    }
    return 0;
}
