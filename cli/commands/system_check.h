/* system_check.h - the store's part of `doctor`. */
#pragma once
#include "../image/examine.h"
#include "../image/session.h"

struct check_options { bool fix, deep, json; struct registry_options registry; };
/* store_check - as `system check` does: look, and with @o->fix repair, which may fetch and print lines about that on stderr */
int store_check(struct carrier *c, const struct check_options *o, struct pool *pool, struct examination **ret, struct error *err);
