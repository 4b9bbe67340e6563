/* The web server of the roots with CGI programs: files below /www, programs below /www/cgi-bin, and uploads that are
   stored and handed to a program. /etc/minihttpd.conf: "port N" and "upload URL FILE PROGRAM". */
#include "../lib/tcpserv.h"
#include <ctype.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct upload { char url[64], file[64], program[64]; };
static struct upload uploads[4];
static int n_uploads, port = 80;

static void config(void)
{
    char line[256];
    FILE *f = fopen("/etc/minihttpd.conf", "r");
    if (!f)
        return;
    while (fgets(line, sizeof line, f)) {
        struct upload *u = &uploads[n_uploads];
        if (sscanf(line, "port %d", &port) == 1)
            continue;
        if (n_uploads < 4 && sscanf(line, "upload %63s %63s %63s", u->url, u->file, u->program) == 3)
            n_uploads++;
    }
    fclose(f);
}

static void fail(int c, const char *what)
{
    dprintf(c, "HTTP/1.0 %s\r\nContent-Type: text/plain\r\n\r\n%s\n", what, what);
}

static void header_to_env(char *line)
{
    char name[96] = "HTTP_", *colon = strchr(line, ':');
    size_t i, n = 5;
    if (!colon)
        return;
    for (i = 0; line + i < colon && n < sizeof name - 1; i++)
        name[n++] = line[i] == '-' ? '_' : toupper((unsigned char)line[i]);
    name[n] = 0;
    for (colon++; *colon == ' '; colon++)
        ;
    if (!strcmp(name + 5, "CONTENT_LENGTH") || !strcmp(name + 5, "CONTENT_TYPE"))
        setenv(name + 5, colon, 1);
    else
        setenv(name, colon, 1);
}

static void run(int c, int in, const char *program, const char *arg)
{
    pid_t pid = fork();
    if (pid == 0) {
        dup2(in, 0);
        dup2(c, 1);
        execl(program, program, arg, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

/* The rest of the body goes into a file, so that a program can read it as its input. */
static int body(int c, const char *have, size_t n, const char *file)
{
    char buf[4096];
    const char *given = getenv("CONTENT_LENGTH");
    long left = given ? atol(given) : 0;
    int fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return -1;
    while (left > 0) {
        ssize_t got = n ? (ssize_t)n : read(c, buf, sizeof buf);
        if (got <= 0)
            break;
        if (got > left)
            got = left;
        if (write(fd, n ? have : buf, got) != got)
            break;
        left -= got;
        n = 0;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static void page(int c, const char *path)
{
    char name[256], buf[2048];
    ssize_t n;
    int fd;
    struct stat st;
    snprintf(name, sizeof name, "/www%s", strcmp(path, "/") ? path : "/index.html");
    if (strstr(path, "..") || stat(name, &st) || !S_ISREG(st.st_mode) || (fd = open(name, O_RDONLY)) < 0) {
        fail(c, "404 Not Found");
        return;
    }
    dprintf(c, "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n");
    while ((n = read(fd, buf, sizeof buf)) > 0)
        if (write(c, buf, n) != n)
            break;
    close(fd);
}

static void serve(int c)
{
    static char req[8192];
    char method[16], url[512], program[600], *line, *end = NULL, *query;
    size_t n = 0;
    int i, fd;
    while (n < sizeof req - 1) {
        ssize_t got = read(c, req + n, sizeof req - 1 - n);
        if (got <= 0)
            break;
        n += got;
        req[n] = 0;
        if ((end = strstr(req, "\r\n\r\n")))
            break;
    }
    if (!end || sscanf(req, "%15s %511s", method, url) != 2) {
        fail(c, "400 Bad Request");
        return;
    }
    *end = 0;
    end += 4;
    line = strstr(req, "\r\n");
    while (line) {
        char *next;
        line += 2;
        next = strstr(line, "\r\n");
        if (next)
            *next = 0;
        header_to_env(line);
        line = next;
    }
    query = strchr(url, '?');
    if (query)
        *query++ = 0;
    setenv("REQUEST_METHOD", method, 1);
    setenv("QUERY_STRING", query ? query : "", 1);
    setenv("SCRIPT_NAME", url, 1);
    for (i = 0; i < n_uploads; i++)
        if (!strcmp(uploads[i].url, url)) {
            fd = body(c, end, req + n - end, uploads[i].file);
            dprintf(c, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n");
            run(c, fd, uploads[i].program, uploads[i].file);
            return;
        }
    if (strncmp(url, "/cgi-bin/", 9) || strstr(url, "..")) {
        page(c, url);
        return;
    }
    snprintf(program, sizeof program, "/www%s", url);
    fd = body(c, end, req + n - end, "/tmp/body");
    unlink("/tmp/body");
    if (access(program, X_OK)) {
        fail(c, "404 Not Found");
        return;
    }
    dprintf(c, "HTTP/1.0 200 OK\r\n");
    run(c, fd, program, NULL);
}

int main(void)
{
    int fd;
    config();
    if ((fd = tcp_open(port)) < 0)
        return 1;
    tcp_serve(fd, serve);
    return 0;
}
