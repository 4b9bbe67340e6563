/* What puts() is given comes from somewhere else in each function. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void from_network(int s) {
    char b[64];
    recv(s, b, sizeof b, 0);
    puts(b);
}

void from_stdin(void) {
    char b[64];
    if (fgets(b, sizeof b, stdin))
        puts(b);
}

void from_descriptor_0(void) {
    char b[64];
    read(0, b, sizeof b);
    puts(b);
}

void from_accepted(int s) {
    char b[64];
    int c = accept(s, 0, 0);
    read(c, b, sizeof b);
    puts(b);
}

void from_file(const char *path) {
    char b[64];
    FILE *f = fopen(path, "r");
    fgets(b, sizeof b, f);
    puts(b);
}

void from_settings(void) {
    char b[64];
    FILE *f = fopen("/etc/settings", "r");
    fgets(b, sizeof b, f);
    puts(b);
}

void from_command(void) {
    char b[64];
    FILE *f = popen("uname", "r");
    fgets(b, sizeof b, f);
    puts(b);
}

void from_cgi(void) {
    puts(getenv("QUERY_STRING"));
}

void from_header(void) {
    puts(getenv("HTTP_USER_AGENT"));
}

void from_environment(void) {
    puts(getenv("HOME"));
}

void from_local(void) {
    char b[64];
    sprintf(b, "%d", (int)getpid());
    puts(b);
}

void through_copies(int s) {
    char b[64], c[64], d[128];
    recv(s, b, sizeof b, 0);
    char *value = strchr(b, '=');
    strcpy(c, value + 1);
    snprintf(d, sizeof d, "%s", c);
    puts(d);
}

__attribute__((noinline)) static int fill(int s, char *b) {
    return recv(s, b, 64, 0);
}

void through_a_function(int s) {
    char b[64];
    if (fill(s, b))
        puts(b);
}

__attribute__((noinline)) static char *line(int s) {
    static char kept[64];
    recv(s, kept, sizeof kept, 0);
    return kept;
}

void through_a_result(int s) {
    puts(line(s));
}

int main(int count, char **words) {
    puts(words[1]);
    from_network(count), from_stdin(), from_descriptor_0(), from_accepted(count), from_file(words[2]);
    from_settings(), from_command(), from_cgi(), from_header(), from_environment(), from_local();
    through_copies(count), through_a_function(count), through_a_result(count);
    return 0;
}
