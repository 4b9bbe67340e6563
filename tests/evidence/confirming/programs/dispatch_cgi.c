/* An ordinary CGI dispatcher whose actions need no session: commands, and none of them hidden more than another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct { const char *name, *command; } table[] = {
    {"reboot", "/sbin/reboot"}, {"restore", "/sbin/mtd erase"}, {"upgrade", "/sbin/sysupgrade"}, {"clean", "/bin/rm /tmp/x"},
};

int main(void) {
    char *query = getenv("QUERY_STRING"), *at = query ? strstr(query, "action=") : NULL;
    unsigned n;
    printf("Content-Type: text/plain\r\n\r\n");
    fflush(stdout);
    for (n = 0; at && n < sizeof table / sizeof *table; n++)
        if (strncmp(at + 7, table[n].name, strlen(table[n].name)) == 0) system(table[n].command);
    printf("status\n");
    return 0;
}
