/* capabilities.h - which capabilities a container has: docker's 14, --cap-add and --cap-drop. capabilities(7) */
#pragma once
#include "error.h"
#include "mem.h"
#include "str.h"
#include <stdbool.h>

/* capabilities_choose - the defaults, with @add and without @drop ("NET_ADMIN", "cap_net_admin", "ALL")
 * As docker: one that is named is added although ALL is dropped, and left out although ALL is added.
 * @ret: NULL-terminated, "CAP_CHOWN", in the order of their numbers; @pool owns it
 * Return: 0, or -EINVAL with a sentence that names the option and the nearest word. */
int capabilities_choose(const struct strings *add, const struct strings *drop, struct pool *pool, char ***ret,
			struct error *err);
/* capabilities_default - docker's 14 */
char **capabilities_default(struct pool *pool);
/* capabilities_available - of @list those that this process could hand on (its bounding set); one that is no
 * default and is missing is warned of, unless @quiet. @pool owns the result. */
char **capabilities_available(char *const *list, bool quiet, struct pool *pool);
