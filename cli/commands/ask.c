#include "ask.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

int ask(bool force, const char *text, struct error *err)
{
	char line[16] = "";
	if (force)
		return 1;
	if (!isatty(STDIN_FILENO))
		return error_say(err, EINVAL, "this removes something, and nobody is at a terminal who could be asked: give --force");
	fprintf(stderr, "%s\nAre you sure? [y/N] ", text);
	if (!fgets(line, sizeof line, stdin))
		return 0;
	line[strcspn(line, "\n")] = 0;
	return strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
}
