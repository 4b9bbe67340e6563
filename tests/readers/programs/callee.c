/* One function reads a message, another runs the command. A third reads a file and runs nothing. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

__attribute__((noinline)) void start(void) {
  system("/usr/sbin/telnetd");
  sleep(1);
}

__attribute__((noinline)) int wait_for_it(int port) {
  char line[64];
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  if (read(s, line, sizeof line) > 4 && line[0] == 7) start();
  return port + close(s);
}

__attribute__((noinline)) int other(const char *name) {
  char line[64];
  int f = open(name, O_RDONLY);
  return read(f, line, sizeof line) + close(f) + system(line);
}

int main(int argc, char **argv) { return wait_for_it(argc) + other(argv[0]); }
