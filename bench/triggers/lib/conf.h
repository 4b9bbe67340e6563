/* key=value files. */
#ifndef CONF_H
#define CONF_H
#include <stdio.h>
#include <string.h>

static inline int conf_get(const char *file, const char *key, char *out, size_t max)
{
    char line[256];
    size_t n = strlen(key);
    FILE *f = fopen(file, "r");
    if (!f)
        return 0;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = 0;
        if (!strncmp(line, key, n) && line[n] == '=') {
            snprintf(out, max, "%s", line + n + 1);
            fclose(f);
            return 1;
        }
    }
    fclose(f);
    return 0;
}
#endif
