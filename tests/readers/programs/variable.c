/* Nothing here is constant: what is bound, called and run comes from outside. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
  struct sockaddr_in here;
  int port = 23, s = socket(AF_INET, SOCK_STREAM, 0);
  if (argc > 4) port = atoi(argv[4]);
  for (; port < 2000; port += argc) {
    memset(&here, 0, sizeof here);
    here.sin_family = AF_INET;
    here.sin_port = htons(port);
    if (bind(s, (struct sockaddr *)&here, sizeof here) == 0) break;
  }
  here.sin_addr.s_addr = inet_addr(argv[2]);
  connect(s, (struct sockaddr *)&here, sizeof here);
  gethostbyname(argv[1]);
  return system(argv[3]);
}
