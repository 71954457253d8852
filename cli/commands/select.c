#include "select.h"
#include <stdlib.h>

static int act_on_all(const struct carrier *c, int (*act)(const struct carrier *, struct container *, void *, struct error *), void *options)
{
	struct container *list = NULL;
	size_t n = 0;
	struct error err = { 0 };
	int code = 0;
	if (record_list(c, &list, &n, &err) < 0)
		return carrier_fail(&err), 1;
	for (size_t i = 0; i < n; i++) {
		int r = act(c, &list[i], options, &err);
		if (r < 0) {
			carrier_fail(&err);
			code = 1;
		} else if (r == 0) {
			puts(list[i].record.id);
		}
		container_done(&list[i]);
	}
	free(list);
	return code;
}

int each_container(const struct carrier *c, char *const *names, bool all,
		   int (*act)(const struct carrier *c, struct container *container, void *options, struct error *err), void *options)
{
	int code = 0;
	if (all)
		return act_on_all(c, act, options);
	for (; *names; names++) {
		struct container container cleanup_container = CONTAINER_NONE;
		struct error err = { 0 };
		int r = record_find(c, *names, false, &container, &err);
		if (r == 0)
			r = act(c, &container, options, &err);
		if (r < 0) {
			carrier_fail(&err);
			code = 1;
		} else if (r == 0) {
			puts(*names);
		}
		(void) fflush(stdout);
	}
	return code;
}

int need_names(const char *command, int n_names, bool all)
{
	if (all ? n_names == 0 : n_names > 0)
		return 0;
	fprintf(stderr, all ? "carrier %s: --all and names of containers exclude each other\n"
			    : "carrier %s: name at least one container, or give --all\n", command);
	return EXIT_CARRIER;
}
