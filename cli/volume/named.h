/* named.h - directories below ROOT that have a name each: volumes and secrets.
 *
 *	ROOT/KIND/NAME/		one of them, whole: it got its name by rename(2)
 *	ROOT/KIND/.new-*	being made
 *	ROOT/KIND/.gone-*	being removed
 *	ROOT/KIND/.lock		held, shared, by who makes one or is about to write down that it uses one; alone by who removes
 *
 * Making the name is what makes it unique. Readers never lock. What a killed process leaves has a name that begins with a dot, is never
 * listed, and is removed by the next who removes one, or by `doctor --fix`.
 */
#pragma once
#include "../carrier.h"
#include "str.h"

struct named {
	const char *kind;	/* "volumes" */
	const char *noun;	/* "volume", for sentences */
	char *path;		/* ROOT/KIND */
	int fd;
};
#define NAMED_NONE { .fd = -1 }
/* named_open - @make: also when there is none yet; else -ENOENT without a sentence */
int named_open(const struct carrier *c, const char *kind, const char *noun, bool make, struct named *ret, struct error *err);
void named_close(struct named *n);
#define cleanup_named __attribute__((cleanup(named_close)))

/* named_check - two characters or more: letters, digits, '_', '.', '-', the first a letter or a digit */
int named_check(const char *noun, const char *name, struct error *err);
/* named_hold - wait for the lock. Return: its fd */
int named_hold(const struct named *n, bool alone, struct error *err);

/* named_new - an empty directory of mode 0700 without a name; @temporary: receives what it is called meanwhile
 * Return: its fd */
int named_new(const struct named *n, char temporary[40], struct error *err);
/* named_publish - it gets its name; -EEXIST when somebody has it (then it is removed) */
int named_publish(const struct named *n, const char *temporary, const char *name, struct error *err);
/* named_retire - it has no name any more; named_sweep() removes it. -ENOENT */
int named_retire(const struct named *n, const char *name, struct error *err);
/* named_sweep - remove what has no name any more, and, when nobody holds the lock, what never got one. For who may remove files of all ids. */
int named_sweep(const struct named *n, struct error *err);

/* named_leftovers - what named_sweep() would remove now; adds to @ret */
int named_leftovers(const struct named *n, struct strings *ret, struct error *err);

/* named_list - all names, sorted; adds to @ret */
int named_list(const struct named *n, struct strings *ret, struct error *err);
