/* helper.h - the programs behind network.h, each with a table of its own. */
#pragma once
#include "network.h"

enum {	/* fds of a helper's */
	READY_FD = 3,			/* something is written there when the network is up */
	EXIT_FD = 4,			/* ended when we are */
	NETNS_FD = 5,
	DIR_FD = 6,			/* network_request's */
};

struct network_program {
	const char *name, *package;
	/* check - the options behind the colon, and what it cannot do */
	int (*check)(const struct network_request *q, struct error *err);
	void (*arguments)(const struct network_request *q, struct strings *args);
	/* forward - once it is ready; NULL: the ports were among its arguments */
	int (*forward)(const struct network_request *q, struct error *err);
};
/* pasta_routes - pasta connects by the interfaces of the host's default routes: which families have one? */
struct pasta_routes { bool four, six; };
struct pasta_routes pasta_routes(void);
extern const struct network_program network_pasta, network_slirp4netns;
