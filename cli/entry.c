/* main() alone: the tables it hands over are main.c's, where tests read them, too. */
#include "carrier.h"
#include <signal.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct carrier c = { .words = argv };
	(void) signal(SIGPIPE, SIG_IGN);
	int r = command_main(&carrier_program, &c, &c, argc, argv);
	free(c.root);
	free(c.runroot);
	return r;
}
