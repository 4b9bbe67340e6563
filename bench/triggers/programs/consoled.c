/* consoled: console over TCP. Accounts are the lines of /etc/console.shadow: name:salt$hash:rights */
#include "../lib/tcpserv.h"
#include "../lib/pw.h"

struct account { char name[32]; char stored[64]; char rights[16]; };

static int find_account(const char *name, struct account *a)
{
    char line[160];
    FILE *f = fopen("/etc/console.shadow", "r");
    int found = 0;
    while (f && !found && fgets(line, sizeof line, f))
        if (line[0] != '#' && sscanf(line, "%31[^:]:%63[^:]:%15s", a->name, a->stored, a->rights) == 3)
            found = !strcmp(a->name, name);
    if (f)
        fclose(f);
    return found;
}

static int prompt(FILE *io, const char *text, char *out, size_t max)
{
    fprintf(io, "%s", text);
    fflush(io);
    if (!fgets(out, (int)max, io))
        return 0;
    out[strcspn(out, "\r\n")] = 0;
    return 1;
}

static int right(const struct account *a, char r)
{
    return strchr(a->rights, r) != NULL;
}

static void commands(FILE *io, const struct account *a)
{
    char line[120];
    while (prompt(io, "> ", line, sizeof line)) {
        if (!strcmp(line, "help"))
            fprintf(io, "who, uptime, shell, halt, leave\n");
        else if (!strcmp(line, "who"))
            fprintf(io, "%s with rights %s\n", a->name, a->rights);
        else if (!strcmp(line, "uptime"))
            fprintf(io, "9 days\n");
        else if (!strcmp(line, "shell")) {
            if (!right(a, 's')) {
                fprintf(io, "no right\n");
                continue;
            }
            fflush(io);
            dup2(fileno(io), 0);
            dup2(fileno(io), 1);
            execl("/bin/sh", "sh", (char *)NULL);
        } else if (!strcmp(line, "halt")) {
            if (right(a, 'h'))
                system("/sbin/halt");
            else
                fprintf(io, "no right\n");
        } else if (!strcmp(line, "leave"))
            return;
        else
            fprintf(io, "unknown, try help\n");
    }
}

static void serve(int fd)
{
    FILE *io = fdopen(fd, "r+");
    char name[40], pw[64];
    struct account a;
    int left = 3;
    if (!io)
        return;
    setvbuf(io, NULL, _IONBF, 0);
    while (left--) {
        if (!prompt(io, "login: ", name, sizeof name) || !prompt(io, "password: ", pw, sizeof pw))
            return;
        if (find_account(name, &a) && pw_verify(a.stored, pw)) {
            fprintf(io, "hello %s\n", a.name);
            commands(io, &a);
            return;
        }
        fprintf(io, "no\n");
    }
}

int main(void)
{
    int fd = tcp_open(2300);
    if (fd < 0) {
        perror("consoled");
        return 1;
    }
    tcp_serve(fd, serve);
    return 0;
}
