/* One of each effect, in a fixed order. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct sockaddr_in a = {0};
    int s, fd;
    if (argc > 2) { open(argv[2], O_RDONLY); return 0; }
    printf("%s %d\n", argv[0], getuid());
    fflush(stdout);
    fd = open("/etc/made", O_WRONLY | O_CREAT, 0600);
    close(fd);
    rename("/etc/made", "/etc/moved");
    unlink("/etc/moved");
    s = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_family = AF_INET;
    a.sin_port = htons(80);
    if (bind(s, (struct sockaddr *)&a, sizeof a)) perror("bind");
    listen(s, 5);
    s = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_port = htons(4444);
    inet_pton(AF_INET, "192.0.2.1", &a.sin_addr);
    connect(s, (struct sockaddr *)&a, sizeof a);
    system("reboot now");
    setuid(1000);
    printf("%d\n", getuid());
    return 0;
}
