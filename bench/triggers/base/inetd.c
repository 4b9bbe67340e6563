/* A small inetd: lines "PORT stream tcp nowait USER PROGRAM ARGV0 ARG..." of /etc/inetd.conf. */
#include "../lib/tcpserv.h"
#include <poll.h>

struct service { int fd; char program[80]; char *argv[8]; char line[200]; };
static struct service services[8];
static unsigned count;

static void config(void)
{
    char line[200], *word, *save;
    FILE *f = fopen("/etc/inetd.conf", "r");
    while (f && count < 8 && fgets(line, sizeof line, f)) {
        struct service *s = &services[count];
        int port, at = 0, n = 0;
        if (sscanf(line, "%d stream tcp nowait %*s %79s %n", &port, s->program, &at) < 2 || !at)
            continue;
        snprintf(s->line, sizeof s->line, "%s", line + at);
        save = NULL;
        for (word = strtok_r(s->line, " \n", &save); word && n < 7; word = strtok_r(NULL, " \n", &save))
            s->argv[n++] = word;
        if ((s->fd = tcp_open(port)) >= 0)
            count++;
    }
    if (f)
        fclose(f);
}

int main(void)
{
    struct pollfd fds[8];
    unsigned i;
    config();
    signal(SIGCHLD, SIG_IGN);
    while (count) {
        for (i = 0; i < count; i++)
            fds[i] = (struct pollfd){services[i].fd, POLLIN, 0};
        if (poll(fds, count, -1) <= 0)
            continue;
        for (i = 0; i < count; i++) {
            int c = fds[i].revents & POLLIN ? accept(services[i].fd, NULL, NULL) : -1;
            if (c >= 0 && fork() == 0) {
                dup2(c, 0);
                dup2(c, 1);
                execv(services[i].program, services[i].argv);
                _exit(127);
            }
            if (c >= 0)
                close(c);
        }
    }
    return 1;
}
