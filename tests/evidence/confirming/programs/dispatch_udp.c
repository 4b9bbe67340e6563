/* An ordinary control service: each opcode does something, none is hidden more than another. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    unsigned char m[512];
    struct sockaddr_in a = {0};
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    a.sin_family = AF_INET;
    a.sin_port = htons(9734);
    if (bind(s, (struct sockaddr *)&a, sizeof a)) return 1;
    for (;;) {
        ssize_t n = recv(s, m, sizeof m - 1, 0);
        if (n < 1) continue;
        switch (m[0]) {
        case 1: system("/sbin/reboot"); break;
        case 2: system("/sbin/ifconfig eth0 up"); break;
        case 3: unlink("/etc/lease"); break;
        case 4: unlink("/etc/route"); break;
        case 5: system("/usr/sbin/iptables -F"); break;
        default: break;
        }
    }
}
