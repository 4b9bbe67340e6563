/* A UDP service with a magic word; with SEEDED two opcodes read and write memory. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned settings[64] = {1, 2, 3};

int main(void) {
    unsigned char m[512];
    struct sockaddr_in a = {0}, from;
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    a.sin_family = AF_INET;
    a.sin_port = htons(5474);
    if (bind(s, (struct sockaddr *)&a, sizeof a)) return 1;
    for (;;) {
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(s, m, sizeof m, 0, (struct sockaddr *)&from, &size);
        unsigned long address = 0;
        unsigned k;
        if (n < 4 || m[0] != 0xc4 || m[1] != 0x1d) continue;
        for (k = 0; k < sizeof address; k++) address = address << 8 | m[4 + k];
        switch (m[2] << 8 | m[3]) {
        case 1: sendto(s, settings, sizeof settings, 0, (struct sockaddr *)&from, size); break;
#ifdef SEEDED
        case 0x91d7: sendto(s, (void *)address, m[4 + sizeof address] << 8 | m[5 + sizeof address], 0, (struct sockaddr *)&from, size); break;
        case 0x91d8: memcpy((void *)address, m + 4 + sizeof address, 4); break;
#endif
        default: break;
        }
    }
}
