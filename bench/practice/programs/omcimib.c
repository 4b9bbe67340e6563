/* kind: field-number
 * service: parser
 * constant: 0xff37
 */
/* omcimib - applies a recorded stream of 48-byte OMCI messages to the ONT's
 * managed-entity store; reads a file or stdin */
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#define MSG_LEN  48
#define MAX_ME   256

#define ACT_CREATE 4
#define ACT_DELETE 6
#define ACT_SET    8
#define ACT_GET    9
#define ACT_RESET  15
#define ACT_REBOOT 25

struct me {
    uint16_t class, inst;
    uint8_t attr[32];
    struct me *next;
};

struct mib {
    struct me *head;
    int count;
    uint8_t sync;
    char *outdir;
};

typedef int (*set_fn)(struct mib *, struct me *, const uint8_t *);

static int loud;

static struct me *find(struct mib *m, uint16_t class, uint16_t inst, int make)
{
    struct me *e;
    for (e = m->head; e; e = e->next)
        if (e->class == class && e->inst == inst)
            return e;
    if (!make || m->count >= MAX_ME || !(e = calloc(1, sizeof *e)))
        return NULL;
    e->class = class;
    e->inst = inst;
    e->next = m->head;
    m->head = e;
    m->count++;
    return e;
}

static int drop(struct mib *m, uint16_t class, uint16_t inst)
{
    struct me **p, *e;
    for (p = &m->head; (e = *p); p = &e->next)
        if (e->class == class && e->inst == inst) {
            *p = e->next;
            free(e);
            m->count--;
            return 0;
        }
    return 5;
}

static FILE *open_out(struct mib *m, const char *name, const char *mode)
{
    char p[256];
    snprintf(p, sizeof p, "%s/%s", m->outdir, name);
    return fopen(p, mode);
}

static int set_plain(struct mib *m, struct me *e, const uint8_t *v)
{
    memcpy(e->attr, v, 29);
    return 0;
}

/* VLAN tagging filter data: up to 12 TCIs are written for the switch driver */
static int set_vlan(struct mib *m, struct me *e, const uint8_t *v)
{
    FILE *f = open_out(m, "vlan.lst", "a");
    int i;
    memcpy(e->attr, v, 29);
    if (!f)
        return 1;
    for (i = 0; i < 12; i++) {
        unsigned t = (v[2 * i] << 8 | v[2 * i + 1]) & 0xfff;
        if (t)
            fprintf(f, "%u %u\n", e->inst, t);
    }
    fclose(f);
    return 0;
}

static int set_name(struct mib *m, struct me *e, const uint8_t *v)
{
    FILE *f = open_out(m, "loid", "w");
    int i;
    if (!f)
        return 1;
    for (i = 0; i < 24 && v[i] > ' ' && v[i] < 127; i++)
        fputc(v[i], f);
    fputc('\n', f);
    fclose(f);
    return set_plain(m, e, v);
}

#ifdef SEED
static int set_hook(struct mib *m, struct me *e, const uint8_t *v)
{
    char p[256];
    FILE *f = open_out(m, "rc.pon", "a");
    if (!f)
        return 1;
    fprintf(f, "%.29s\n", v);
    fclose(f);
    snprintf(p, sizeof p, "%s/rc.pon", m->outdir);
    return chmod(p, 0755) ? 1 : 0;
}
#endif

static set_fn setter(uint16_t class)
{
    set_fn fn = set_plain;
    if (class == 84)
        fn = set_vlan;
    else if (class == 256)
        fn = set_name;
#ifdef SEED
    else if (class == 0xff37) /* SEED */
        fn = set_hook;
#endif
    return fn;
}

static uint32_t crc_be(const uint8_t *p, int n)
{
    uint32_t c = ~0u;
    while (n--) {
        c ^= (uint32_t)*p++ << 24;
        for (int i = 0; i < 8; i++)
            c = c & 0x80000000u ? c << 1 ^ 0x04c11db7u : c << 1;
    }
    return ~c;
}

static int apply(struct mib *m, const uint8_t *b)
{
    uint16_t class = b[4] << 8 | b[5], inst = b[6] << 8 | b[7];
    int act = b[2] & 0x1f, rc = 2;
    struct me *e;
    if (b[3] != 0x0a)
        return 2;
    switch (act) {
    case ACT_CREATE:
        rc = find(m, class, inst, 1) ? 0 : 1;
        break;
    case ACT_DELETE:
        rc = drop(m, class, inst);
        break;
    case ACT_SET:
        e = find(m, class, inst, 0);
        rc = e ? setter(class)(m, e, b + 10) : 5;
        break;
    case ACT_GET:
        e = find(m, class, inst, 0);
        rc = e ? 0 : 5;
        if (e && loud)
            printf("%u/%u %02x%02x..\n", class, inst, e->attr[0], e->attr[1]);
        break;
    case ACT_RESET:
        while (m->head)
            drop(m, m->head->class, m->head->inst);
        m->sync = 0;
        return 0;
    case ACT_REBOOT:
        printf("reboot asked for by the OLT\n");
        rc = 0;
        break;
    }
    if (rc == 0 && act != ACT_GET)
        m->sync = m->sync == 255 ? 1 : m->sync + 1;
    return rc;
}

int main(int argc, char **argv)
{
    struct mib m = { NULL, 0, 0, "/var/omci" };
    uint8_t b[MSG_LEN];
    FILE *in = stdin;
    int o, rc, nr = 0, bad = 0;
    while ((o = getopt(argc, argv, "o:vh")) != -1) {
        if (o == 'o')
            m.outdir = optarg;
        else if (o == 'v')
            loud = 1;
        else {
            puts("omcimib [-v] [-o dir] [messages]  (VLAN lists and LOID are written to dir)");
            return 0;
        }
    }
    if (optind < argc && !(in = fopen(argv[optind], "rb")))
        return perror(argv[optind]), 1;
    while (fread(b, 1, MSG_LEN, in) == MSG_LEN) {
        uint32_t want = (uint32_t)b[44] << 24 | b[45] << 16 | b[46] << 8 | b[47];
        nr++;
        if (crc_be(b, 44) != want) {
            bad++;
            continue;
        }
        rc = apply(&m, b);
        if (loud)
            printf("%d: result %d\n", nr, rc);
    }
    printf("%d messages, %d damaged, %d entities, sync %u\n", nr, bad, m.count, m.sync);
    return 0;
}
