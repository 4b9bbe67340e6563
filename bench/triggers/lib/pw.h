/* Salted, iterated password hash as 16 hexadecimal digits: the stored form in the configuration files. */
#ifndef PW_H
#define PW_H
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static inline void pw_hash(const char *salt, const char *pw, char out[17])
{
    uint64_t h = 0xcbf29ce484222325ull;
    int round;
    for (round = 0; round < 64; round++) {
        const char *p;
        for (p = salt; *p; p++)
            h = (h ^ (unsigned char)*p) * 0x100000001b3ull;
        for (p = pw; *p; p++)
            h = (h ^ (unsigned char)*p) * 0x100000001b3ull;
        h ^= h >> 29;
    }
    snprintf(out, 17, "%08lx%08lx", (unsigned long)(h >> 32), (unsigned long)(h & 0xffffffffu));
}

/* stored is salt$hash */
static inline int pw_verify(const char *stored, const char *pw)
{
    char salt[32], out[17];
    const char *d = strchr(stored, '$');
    size_t n = d ? (size_t)(d - stored) : 0;
    if (!d || n >= sizeof salt)
        return 0;
    memcpy(salt, stored, n);
    salt[n] = 0;
    pw_hash(salt, pw, out);
    return strcmp(out, d + 1) == 0;
}
#endif
