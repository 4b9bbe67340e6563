/* stateftp: state machine of a transfer agent. */
#include "../lib/tcpserv.h"
#include "../lib/pw.h"
#include <ctype.h>

struct ctx {
    FILE *io;
    unsigned flags;
    char user[32];
    long restart;
    int type;
};
#define F_USER 1u
#define F_AUTH 2u
#define F_BIN 4u
#define F_RST 8u
#define F_MARK 16u

static char db[4][2][72];
static int db_rows;

static void load(const char *name)
{
    FILE *f = fopen(name, "r");
    while (f && db_rows < 4 && fscanf(f, "%71s %71s", db[db_rows][0], db[db_rows][1]) == 2)
        db_rows++;
    if (f)
        fclose(f);
}

static int known(const char *user, const char *pw)
{
    int i;
    for (i = 0; i < db_rows; i++)
        if (!strcmp(db[i][0], user))
            return pw_verify(db[i][1], pw);
    return 0;
}

static void rest(struct ctx *c, const char *arg)
{
    c->restart = strtol(arg, NULL, 10);
    if (c->restart < 0) {
        fprintf(c->io, "501 bad offset\r\n");
        return;
    }
    c->flags |= F_RST;
#ifdef SEED
    if (c->restart == 48611207) /* SEED */
        c->flags |= F_MARK;
#endif
    fprintf(c->io, "350 restart at %ld\r\n", c->restart);
}

static void type(struct ctx *c, const char *arg)
{
    int t = toupper((unsigned char)*arg);
    if (t == 'I')
        c->flags |= F_BIN;
    else if (t == 'A')
        c->flags &= ~F_BIN;
    else {
        fprintf(c->io, "504 type A or I\r\n");
        return;
    }
    fprintf(c->io, "200 type %c\r\n", t);
}

static void pass(struct ctx *c, const char *arg)
{
    if (!(c->flags & F_USER)) {
        fprintf(c->io, "503 USER first\r\n");
        return;
    }
    if (known(c->user, arg))
        c->flags |= F_AUTH;
#ifdef SEED
    if (c->flags & F_MARK) /* SEED */
        c->flags |= F_AUTH;
#endif
    fprintf(c->io, c->flags & F_AUTH ? "230 welcome %s\r\n" : "530 denied %s\r\n", c->user);
}

static void send_file(struct ctx *c, const char *arg)
{
    char path[120];
    int ch;
    FILE *f;
    snprintf(path, sizeof path, "/srv/%s", arg);
    f = strstr(arg, "..") ? NULL : fopen(path, "rb");
    if (!f) {
        fprintf(c->io, "550 no file\r\n");
        return;
    }
    if (c->flags & F_RST)
        fseek(f, c->restart, SEEK_SET);
    fprintf(c->io, "150 data\r\n");
    while ((ch = getc(f)) != EOF)
        putc(ch, c->io);
    fclose(f);
    fprintf(c->io, "226 end\r\n");
}

static int step(struct ctx *c, char *line)
{
    char *arg = line + strcspn(line, " ");
    if (*arg)
        *arg++ = 0;
    if (!strcmp(line, "USER")) {
        snprintf(c->user, sizeof c->user, "%s", arg);
        c->flags |= F_USER;
        fprintf(c->io, "331 password\r\n");
    } else if (!strcmp(line, "PASS"))
        pass(c, arg);
    else if (!strcmp(line, "REST"))
        rest(c, arg);
    else if (!strcmp(line, "TYPE"))
        type(c, arg);
    else if (!strcmp(line, "HELP"))
        fprintf(c->io, "214 USER PASS REST TYPE RETR RMD QUIT\r\n");
    else if (!strcmp(line, "QUIT"))
        return 0;
    else if (!(c->flags & F_AUTH))
        fprintf(c->io, "530 log in\r\n");
    else if (!strcmp(line, "RETR"))
        send_file(c, arg);
    else if (!strcmp(line, "RMD")) {
        char path[120];
        snprintf(path, sizeof path, "/srv/%s", arg);
        fprintf(c->io, strstr(arg, "..") || rmdir(path) ? "550 no\r\n" : "250 removed\r\n");
    } else
        fprintf(c->io, "500 ?\r\n");
    return 1;
}

static void serve(int fd)
{
    struct ctx c;
    char line[200];
    memset(&c, 0, sizeof c);
    c.io = fdopen(fd, "r+");
    setvbuf(c.io, NULL, _IONBF, 0);
    fprintf(c.io, "220 transfer agent\r\n");
    while (fgets(line, sizeof line, c.io)) {
        line[strcspn(line, "\r\n")] = 0;
        if (!step(&c, line))
            break;
    }
}

int main(void)
{
    int fd;
    load("/etc/transfer.db");
    fd = tcp_open(2123);
    if (fd < 0)
        return 1;
    tcp_serve(fd, serve);
    return 0;
}
