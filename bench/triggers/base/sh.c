/* The shell of the small roots: says what it was told to do, and does nothing. Linked statically. */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    char line[512];
    if (argc > 2 && !strcmp(argv[1], "-c")) {
        printf("+ %s\n", argv[2]);
        return 0;
    }
    if (argc > 1) {
        printf("+ script %s\n", argv[1]);
        return 0;
    }
    fputs("# ", stdout);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) && strncmp(line, "exit", 4) != 0) {
        printf("+ %s# ", line);
        fflush(stdout);
    }
    return 0;
}
