/* A program with its own functions that compare. */
#include <unistd.h>
#include <stdlib.h>
#include <string.h>

int __attribute__((noinline)) mycmp(const char *a, const char *b) {
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *(unsigned char *)a - *(unsigned char *)b;
}

int __attribute__((noinline)) mycase(const char *a, const char *b) {
    for (;;) {
        int x = *a++, y = *b++;
        if (x >= 'A' && x <= 'Z')
            x += 32;
        if (y >= 'A' && y <= 'Z')
            y += 32;
        if (x != y)
            return x - y;
        if (!x)
            return 0;
    }
}

int __attribute__((noinline)) myn(const char *a, const char *b, int n) {
    while (n-- > 0) {
        if (*a != *b)
            return 1;
        if (!*a)
            return 0;
        a++;
        b++;
    }
    return 0;
}

int __attribute__((noinline)) same(const char *a, const char *b) {
    return strlen(a) == strlen(b) && !mycmp(a, b);
}

int main() {
    char b[64];
    int n = read(0, b, 63);
    b[n] = 0;
    if (!mycmp(b, "open-zq"))
        system("/bin/x");
    if (!mycase(b, "pen-zq"))
        system("/bin/y");
    if (!myn(b, "qen-zq", 6))
        system("/bin/z");
    return same(b, "foo");
}
