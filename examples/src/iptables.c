/* iptables: takes rules in the words of iptables(8) and hands them to the packet engine of the switch, which keeps them
 * (/proc/hwnat/rules, a line each). The engine itself belongs to the kernel, which is not in this image. */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	char rule[1024] = "";
	FILE *engine;
	int i, failed;
	for (i = 1; i < argc; i++) {
		if (strlen(rule) + strlen(argv[i]) + 2 > sizeof rule) return 2;
		strcat(rule, argv[i]);
		strcat(rule, i + 1 < argc ? " " : "\n");
	}
	if (argc < 2 || !(engine = fopen("/proc/hwnat/rules", "a"))) return 3;
	failed = fputs(rule, engine) < 0;
	return fclose(engine) || failed;
}
