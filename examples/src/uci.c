/* uci: prints one setting of /etc/config, as in `uci -q get network.lan.ipaddr`. */
#include <stdio.h>
#include <string.h>

static void unquote(char *text)
{
	size_t length = strlen(text);
	if (length >= 2 && text[0] == '\'' && text[length - 1] == '\'') {
		memmove(text, text + 1, length - 2);
		text[length - 2] = 0;
	}
}

int main(int argc, char **argv)
{
	char file[64], section[64], option[64], path[96], line[256], word[64], second[64], value[160];
	int inside = 0;
	FILE *settings;
	while (argc > 1 && argv[1][0] == '-') argv++, argc--;
	if (argc != 3 || strcmp(argv[1], "get")) return 2;
	if (sscanf(argv[2], "%63[a-z0-9_].%63[a-z0-9_].%63[a-z0-9_]", file, section, option) != 3) return 2;
	snprintf(path, sizeof path, "/etc/config/%s", file);
	if (!(settings = fopen(path, "r"))) return 1;
	while (fgets(line, sizeof line, settings)) {
		if (sscanf(line, " %63s %63s %159[^\n]", word, second, value) != 3) continue;
		unquote(value);
		if (!strcmp(word, "config")) inside = !strcmp(value, section);
		else if (inside && !strcmp(second, option)) {
			puts(value);
			return 0;
		}
	}
	return 1;
}
