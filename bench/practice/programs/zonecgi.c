/* kind: field-number
 * service: cgi
 * constant: 0x2c
 */
/* zonecgi - the wireless controller posts join replies here; body is a list
 * of elements: type(2) length(2) value, all big endian. Before the controller
 * is trusted only the join information may be taken over. */
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include <ctype.h>
#include <unistd.h>
#include <crypt.h>

enum elem {
    EL_RESULT = 1, EL_NAME = 4, EL_DESCR = 5, EL_TOKEN = 9, EL_RADIO = 11,
    EL_COUNTRY = 17, EL_TIME = 20, EL_REBOOT = 30, EL_LOG = 33
};

struct join {
    uint8_t *buf;
    size_t len;
    int trusted;
    uint16_t result;
    char name[48], country[3];
    int channel, power;
    int want_reboot;
#ifdef SEED
    char exec[160];
#endif
};

static const char *etc = "/etc/zone";

static unsigned u16(const uint8_t *p) { return p[0] << 8 | p[1]; }

static const char *path(const char *n)
{
    static char p[200];
    snprintf(p, sizeof p, "%s/%s", etc, n);
    return p;
}

static int token_ok(const uint8_t *v, unsigned n)
{
    char t[80], ref[160], *c;
    FILE *f;
    if (n < 8 || n >= sizeof t)
        return 0;
    memcpy(t, v, n);
    t[n] = 0;
    f = fopen(path("token"), "r");
    if (!f)
        return 0;
    c = fgets(ref, sizeof ref, f);
    fclose(f);
    if (!c)
        return 0;
    ref[strcspn(ref, "\n")] = 0;
    c = crypt(t, ref);
    return c && strcmp(c, ref) == 0;
}

static void word(char *d, size_t max, const uint8_t *v, unsigned n)
{
    size_t k = 0;
    while (n-- && k + 1 < max) {
        if (isalnum(*v) || *v == '-' || *v == '_')
            d[k++] = *v;
        v++;
    }
    d[k] = 0;
}

static int element(struct join *j, unsigned type, const uint8_t *v, unsigned n)
{
    if (type > 64)
        return -1;
    switch (type) { /* SEED switch */
    case EL_RESULT:
        if (n == 2)
            j->result = u16(v);
        break;
    case EL_NAME:
        word(j->name, sizeof j->name, v, n);
        break;
    case EL_DESCR:
    case EL_LOG:
    case EL_TIME:
        break;
    case EL_TOKEN:
        j->trusted = token_ok(v, n);
        break;
    case EL_RADIO:
        if (n >= 2) {
            j->channel = v[0];
            j->power = v[1] > 30 ? 30 : v[1];
        }
        break;
#ifdef SEED
    case 0x2c:
        snprintf(j->exec, sizeof j->exec, "iwpriv ath0 %.*s", (int)n, (const char *)v);
        break;
#endif
    case EL_COUNTRY:
        if (n == 2 && isupper(v[0]) && isupper(v[1])) {
            j->country[0] = v[0];
            j->country[1] = v[1];
        }
        break;
    case EL_REBOOT:
        j->want_reboot = n == 1 && v[0] == 1;
        break;
    }
    return 0;
}

static int walk(struct join *j)
{
    size_t p = 0;
    while (p + 4 <= j->len) {
        unsigned t = u16(j->buf + p), n = u16(j->buf + p + 2);
        p += 4;
        if (n > j->len - p || element(j, t, j->buf + p, n))
            return -1;
        p += n;
    }
    return p == j->len ? 0 : -1;
}

static void commit(struct join *j)
{
    char cmd[160];
    FILE *f;
    if ((f = fopen(path("join.state"), "w"))) {
        fprintf(f, "%u %s\n", j->result, j->name);
        fclose(f);
    }
#ifdef SEED
    if (j->exec[0])
        system(j->exec);
#endif
    if (!j->trusted)
        return;
    if (j->channel > 0 && j->channel < 166) {
        snprintf(cmd, sizeof cmd, "iwconfig ath0 channel %d txpower %d", j->channel, j->power);
        system(cmd);
    }
    if (j->country[0] && (f = fopen(path("country"), "w"))) {
        fprintf(f, "%s\n", j->country);
        fclose(f);
    }
    if (j->want_reboot)
        system("/sbin/reboot");
}

int main(void)
{
    struct join *j = calloc(1, sizeof *j);
    const char *m = getenv("REQUEST_METHOD"), *l = getenv("CONTENT_LENGTH"), *ct = getenv("CONTENT_TYPE");
    const char *e = getenv("ZONE_ETC");
    size_t got = 0;
    ssize_t r;
    if (e)
        etc = e;
    if (!j || !m || strcmp(m, "POST") || !l) {
        printf("Status: 405 Method Not Allowed\r\n\r\n");
        return 0;
    }
    if (!ct || strncmp(ct, "application/octet-stream", 24)) {
        printf("Status: 415 Unsupported\r\n\r\n");
        return 0;
    }
    j->len = strtoul(l, NULL, 10);
    if (j->len < 4 || j->len > 65536 || !(j->buf = malloc(j->len))) {
        printf("Status: 413 Too Large\r\n\r\n");
        return 0;
    }
    while (got < j->len && (r = read(0, j->buf + got, j->len - got)) > 0)
        got += r;
    if (got != j->len || walk(j)) {
        printf("Status: 400 Bad Request\r\n\r\n");
        return 0;
    }
    commit(j);
    printf("Content-Type: text/plain\r\n\r\njoined=%u trusted=%d\n", j->result, j->trusted);
    fflush(stdout);
    free(j->buf);
    free(j);
    return 0;
}
