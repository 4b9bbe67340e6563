/* Runs a command with what it is given, whatever that is, and keeps a file named after it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void) {
    char line[200], command[300];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\r\n")] = 0;
        snprintf(command, sizeof command, "/usr/bin/logger 'agent %s'", line);
        system(command);
        snprintf(command, sizeof command, "/tmp/seen-%s-%d", line, getpid());
        close(open(command, O_WRONLY | O_CREAT, 0600));
    }
    return 0;
}
