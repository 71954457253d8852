/* volume.h - volumes: directories that containers share and that outlive them.
 *
 *	ROOT/volumes/NAME/volume.json	what it is (struct volume_record); never changes
 *	                  _data/	its files, as its containers see them
 *	                  fill.new/, fill/	see fill.h; there only while it is being filled
 *
 * An ordinary user's volume holds files of subordinate ids; whoever changes them is root of a user namespace (apart_as_owner()).
 * A volume with driver options (type=tmpfs, bind, nfs...) is mounted anew in each container that uses it, and _data stays empty.
 * Names: named.h. One without a name gets 64 hex digits, and is anonymous: removed with the container that it was made for, by `rm -v` and --rm.
 */
#pragma once
#include "json.h"
#include "named.h"

struct volume_record {
	char *name, *created;
	bool anonymous;
	struct json_map labels, options;	/* options: of the driver "local": type, device, o */
};

struct volume {
	struct pool pool;
	struct volume_record record;
	char *data;			/* ROOT/volumes/NAME/_data */
};
void volume_done(struct volume *v);
#define cleanup_volume __attribute__((cleanup(volume_done)))

/* volumes_open - ROOT/volumes; as named_open() */
int volumes_open(const struct carrier *c, bool make, struct named *ret, struct error *err);

/* volume_check_options - are these options of the driver "local", and possible for this user? */
int volume_check_options(const struct carrier *c, const struct json_map *options, struct error *err);
/* volume_option - the value of one of its options, or NULL */
const char *volume_option(const struct volume_record *v, const char *key);

/* volume_make - for who holds the lock, shared or alone. @wanted: what is to be in it; ->name NULL: one is made, and it is anonymous
 * @ret: what there is then, also when it was there before. Return: 1 it was made, 0 it was there, with the same options;
 * -EEXIST there is one with other options */
int volume_make(const struct carrier *c, const struct named *volumes, const struct volume_record *wanted, struct volume *ret, struct error *err);
/* volume_find - -ENOENT with a sentence */
int volume_find(const struct carrier *c, const char *name, struct volume *ret, struct error *err);
/* volume_list - all, by name; caller frees with volume_list_free() */
int volume_list(const struct carrier *c, struct volume **ret, size_t *n, struct error *err);
void volume_list_free(struct volume *list, size_t n);

/* volume_in - has a container of this record it mounted? */
struct record;
bool volume_in(const struct record *r, const char *name);
/* volume_users - the names of the containers whose record names it, adds to @ret. @but: the id of one that does not count, or NULL */
int volume_users(const struct carrier *c, const char *name, const char *but, struct strings *ret, struct error *err);
/* volume_used - the names of all that any container uses, sorted; adds to @ret */
int volume_used(const struct carrier *c, struct strings *ret, struct error *err);

/* volume_remove - -ENOENT; -EBUSY naming the containers that use it. Nobody needs to be its owner: a child becomes that */
int volume_remove(const struct carrier *c, const char *name, struct error *err);
/* volume_drop - the anonymous volumes that the mounts of @container, which is removed already, were given; those that others use stay.
 * What fails is warned of. */
struct container;
void volume_drop(const struct carrier *c, const struct container *container);
