/* Functions whose results the tests compute as well. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int order(const char *a, const char *b) {
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *(const unsigned char *)a - *(const unsigned char *)b;
}

uint32_t hash(const char *s) {
    uint32_t h = 2166136261u;
    while (*s) {
        h ^= (unsigned char)*s++;
        h *= 16777619u;
    }
    return h;
}

uint32_t crc(const unsigned char *s, unsigned n) {
    uint32_t c = 0xffffffffu;
    while (n--) {
        c ^= *s++;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
    }
    return ~c;
}

static const unsigned char hidden[] = {0x71, 0x2a, 0x31, 0x2d, 0x0b, 0x6c, 0x5a};

int unmask(char *out) {
    int i = 0;
    do
        out[i] = hidden[i] ^ 0x5a;
    while (out[i++]);
    return i - 1;
}

static int digit(int c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : 63;
}

int unbase64(const char *s, char *out) {
    char *o = out;
    while (s[0] && s[1] && s[2] && s[3]) {
        unsigned v = digit(s[0]) << 18 | digit(s[1]) << 12 | digit(s[2]) << 6 | digit(s[3]);
        *o++ = v >> 16;
        *o++ = v >> 8;
        *o++ = v;
        s += 4;
    }
    *o = 0;
    return o - out;
}

int printed(char *out, int a, unsigned b) {
    return snprintf(out, 40, "%s-%d:%04x%c", "id", a, b, 'z');
}

int joined(char *out, const char *word) {
    strcpy(out, "a/");
    strcat(out, word);
    memset(out + strlen(out), 0, 1);
    return strlen(out);
}

int weighed(int a, int b, int c, int d, int e, int f) {
    return a + 2 * b + 3 * c + 5 * d + 7 * e + 11 * f;
}

uint32_t turned(uint32_t x, unsigned n) {
    return x << (n & 31) | x >> (-n & 31);
}

int rest(int a, int b) {
    return b ? a / b * 1000 + a % b : -1;
}

int swapped(const unsigned char *p) {
    return (int16_t)(p[0] << 8 | p[1]);
}
