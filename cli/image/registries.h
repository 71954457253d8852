/* registries.h - which registries a name may mean and where they are reached: containers-registries.conf(5), version 2.
 *
 * Read are, each over what came before:
 *	$CONTAINERS_REGISTRIES_CONF, or else the user's containers/registries.conf, or else /etc/containers/registries.conf
 *	/etc/containers/registries.conf.d/ *.conf and the user's containers/registries.conf.d/ *.conf, in the order of their names
 *	the aliases that podman has learned: ~/.cache/containers/short-name-aliases.conf (of root: /var/cache/containers/)
 * The user's are below $XDG_CONFIG_HOME or ~/.config. Of a later file a [[registry]] of the same prefix replaces the earlier one,
 * a list replaces a list, and an alias "" takes one away. Members that are not known are skipped (log_debug); what is wrong in one
 * that is known is an error that names file and line.
 */
#pragma once
#include "reference.h"
#include "str.h"

struct registry_mirror {
	char *location;		/* "mirror.local:5000/hub" */
	bool insecure;
	enum { MIRROR_ALWAYS, MIRROR_BY_DIGEST, MIRROR_BY_TAG } use;
};
struct registry_rule {
	char *prefix;		/* "example.com/team", "*.example.com" */
	char *location;		/* what stands for the prefix; NULL: the prefix itself */
	bool insecure, blocked, by_digest_only;
	struct registry_mirror *mirrors;
	size_t n_mirrors;
	char *file;		/* where it was said */
};
struct registries {
	struct pool pool;
	struct strings search;				/* registries for short names */
	enum { SHORT_NAMES_PERMISSIVE, SHORT_NAMES_ENFORCING, SHORT_NAMES_DISABLED } mode;
	struct strings aliases;				/* "debian=docker.io/library/debian" */
	struct strings helpers;				/* credential-helpers; empty: "containers-auth.json" alone */
	struct registry_rule *rules;
	size_t n_rules;
	bool search_given;
};
void registries_done(struct registries *r);
#define cleanup_registries __attribute__((cleanup(registries_done)))

/* registries_read - all files; none of them has to be there */
int registries_read(struct registries *ret, struct error *err);
/* registries_add - one file's text over what is in @r; pure */
int registries_add(struct registries *r, const char *text, size_t len, const char *file, struct error *err);

/* registries_candidates - of a short name, whole references as text, in order; added to @ret. Without any file docker.io's. */
int registries_candidates(const struct registries *r, const char *name, struct strings *ret, struct error *err);

/* struct registry_place - one host that may have it */
struct registry_place {
	char *registry;		/* "docker.io" is still that: reference_host() */
	char *path;
	bool insecure;
	bool mirror;
};
/* registries_places - where @ref is to be looked for: mirrors in order, then the registry itself
 * Return: 0; -EACCES when it is blocked; @ret has @n of them, in @pool */
int registries_places(const struct registries *r, const struct reference *ref, struct pool *pool, struct registry_place **ret, size_t *n,
		      struct error *err);
