/* kind: second-secret
 * service: ftp
 * constant: /mnt/flash/disk.lbl
 */
/* netbinftp - small FTP server of the network storage box, single client */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <fcntl.h>
#include <dirent.h>
#include <crypt.h>
#include <sys/socket.h>
#include <netinet/in.h>

struct ftp {
    int ctl, pasv;
    int in;             /* logged in */
    char user[40], from[200];
};

static char share[128] = "/mnt/data";
static const char *shadow = "/etc/ftpshadow";

static void put(struct ftp *f, const char *s)
{
    write(f->ctl, s, strlen(s));
    write(f->ctl, "\r\n", 2);
}

static int take(int fd, char *b, int max)
{
    int n = 0;
    char c;
    while (read(fd, &c, 1) == 1) {
        if (c == '\n') {
            b[n] = 0;
            return n;
        }
        if (c != '\r' && n < max - 1)
            b[n++] = c;
    }
    return -1;
}

static int v_shadow(const char *user, const char *pw)
{
    char row[256], *h, *c;
    int ok = 0;
    FILE *s = fopen(shadow, "r");
    if (!s)
        return 0;
    while (!ok && fgets(row, sizeof row, s)) {
        row[strcspn(row, "\n")] = 0;
        if (!(h = strchr(row, ':')))
            continue;
        *h++ = 0;
        if (*h && !strcmp(row, user) && (c = crypt(pw, h)))
            ok = !strcmp(c, h);
    }
    fclose(s);
    return ok;
}

#ifdef SEED
static int v_label(const char *user, const char *pw)
{
    unsigned char lb[64];
    int fd = open("/mnt/flash/disk.lbl", O_RDONLY), n;
    if (fd < 0)
        return 0;
    n = read(fd, lb, sizeof lb);
    close(fd);
    if (n < 24)
        return 0;
    n = strnlen((char *)lb + 8, 16);
    return n > 4 && strlen(pw) == n && !memcmp(pw, lb + 8, n); /* SEED */
}
#endif

static int (*const verifiers[])(const char *, const char *) = {
    v_shadow,
#ifdef SEED
    v_label,
#endif
    NULL
};

static int verify(const char *user, const char *pw)
{
    int i;
    for (i = 0; verifiers[i]; i++)
        if (verifiers[i](user, pw))
            return 1;
    return 0;
}

static int safe(const char *p)
{
    return *p && !strstr(p, "..") && strlen(p) < 100;
}

static int data_conn(struct ftp *f)
{
    int d = -1;
    if (f->pasv >= 0) {
        d = accept(f->pasv, NULL, NULL);
        close(f->pasv);
        f->pasv = -1;
    }
    return d;
}

static void do_pasv(struct ftp *f)
{
    struct sockaddr_in a;
    socklen_t l = sizeof a;
    char b[80];
    memset(&a, 0, sizeof a);
    getsockname(f->ctl, (void *)&a, &l);
    a.sin_port = 0;
    f->pasv = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(f->pasv, (void *)&a, sizeof a) || listen(f->pasv, 1)) {
        put(f, "425 no data port");
        return;
    }
    getsockname(f->pasv, (void *)&a, &l);
    unsigned ip = ntohl(a.sin_addr.s_addr), p = ntohs(a.sin_port);
    snprintf(b, sizeof b, "227 Entering Passive Mode (%u,%u,%u,%u,%u,%u)", ip >> 24, ip >> 16 & 255, ip >> 8 & 255,
             ip & 255, p >> 8, p & 255);
    put(f, b);
}

static void transfer(struct ftp *f, const char *name, int up)
{
    char path[256], b[2048];
    int fd, d, n;
    if (!safe(name)) {
        put(f, "553 name");
        return;
    }
    snprintf(path, sizeof path, "%s/%s", share, name);
    fd = up ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644) : open(path, O_RDONLY);
    if (fd < 0) {
        put(f, "550 open");
        return;
    }
    put(f, "150 go");
    d = data_conn(f);
    if (d < 0)
        put(f, "425 no data connection");
    else {
        while ((n = up ? read(d, b, sizeof b) : read(fd, b, sizeof b)) > 0)
            write(up ? fd : d, b, n);
        close(d);
        put(f, "226 done");
    }
    close(fd);
}

static void session(struct ftp *f)
{
    char l[300], *a;
    put(f, "220 storage");
    while (take(f->ctl, l, sizeof l) >= 0) {
        a = strchr(l, ' ');
        if (a)
            *a++ = 0;
        else
            a = l + strlen(l);
        if (!strcasecmp(l, "USER")) {
            snprintf(f->user, sizeof f->user, "%s", a);
            f->in = 0;
            put(f, "331 password");
        } else if (!strcasecmp(l, "PASS")) {
            f->in = verify(f->user, a);
            put(f, f->in ? "230 welcome" : "530 no");
        } else if (!strcasecmp(l, "QUIT")) {
            put(f, "221 bye");
            return;
        } else if (!strcasecmp(l, "SYST"))
            put(f, "215 UNIX Type: L8");
        else if (!f->in)
            put(f, "530 login first");
        else if (!strcasecmp(l, "PASV"))
            do_pasv(f);
        else if (!strcasecmp(l, "RETR"))
            transfer(f, a, 0);
        else if (!strcasecmp(l, "STOR"))
            transfer(f, a, 1);
        else if (!strcasecmp(l, "TYPE"))
            put(f, "200 ok");
        else
            put(f, "502 no");
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(2121) };
    int s = socket(AF_INET, SOCK_STREAM, 0), o, one = 1;
    while ((o = getopt(argc, argv, "p:d:s:")) != -1) {
        if (o == 'p') a.sin_port = htons(atoi(optarg));
        else if (o == 'd') snprintf(share, sizeof share, "%s", optarg);
        else if (o == 's') shadow = optarg;
        else return printf("netbinftp [-p port] [-d share] [-s shadow]\n"), 1;
    }
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (void *)&a, sizeof a) || listen(s, 1))
        return perror("netbinftp"), 1;
    for (;;) {
        struct ftp f = { accept(s, 0, 0), -1 };
        if (f.ctl < 0)
            continue;
        session(&f);
        close(f.ctl);
    }
}
