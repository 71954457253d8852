#include "select.h"
#include <regex.h>

static int ids_matching(const struct woody *w, const char *pattern, struct strings *ret, struct error *err)
{
	struct strings all cleanup_strings = { 0 };
	regex_t regex;
	int fault = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (fault) {
		char why[128];
		(void) regerror(fault, &regex, why, sizeof why);
		return error_say(err, EINVAL, "--regex: '%s' is no regular expression: %s", pattern, why);
	}
	int r = container_ids(w->root, &all, err);
	for (size_t i = 0; r == 0 && i < all.n; i++)
		if (regexec(&regex, all.v[i], 0, NULL, 0) == 0)
			strings_add(ret, all.v[i]);
	regfree(&regex);
	return r;
}

int for_each_id(const struct woody *w, const char *command, const char *pattern,
		int (*one)(const struct woody *w, const char *id, void *ctx, struct error *err), void *ctx)
{
	struct error err = { 0 };
	struct strings ids cleanup_strings = { 0 };
	if (ids_matching(w, pattern, &ids, &err) < 0)
		return fail(w, command, &err);
	int code = 0;
	for (size_t i = 0; i < ids.n; i++)
		if (one(w, ids.v[i], ctx, &err) < 0)
			code = fail(w, command, &err);
	return code;
}

int with_container(const struct woody *w, const char *command, const char *id,
		   int (*act)(struct container *c, void *ctx, struct error *err), void *ctx)
{
	struct error err = { 0 };
	struct container c cleanup_container = CONTAINER_INIT;
	int r = container_load(w->root, id, &c, &err);
	if (r == 0)
		r = act(&c, ctx, &err);
	return r < 0 ? fail(w, command, &err) : 0;
}
