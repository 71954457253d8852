/* mount_building.h - what a mount is made of while its words are read; for mount_words.c, mount_fields.c and secret_words.c. */
#pragma once
#include "mounts.h"

struct building {
	const char *option, *word;	/* for sentences: "--volume" and all that was given to it */
	struct pool *pool;
	struct record_mount m;
	struct strings flags, data;
	const char *bind, *propagation;
	bool read_only, flat_read_only, tmpcopyup;
};
void building_done(struct building *b);
#define cleanup_building __attribute__((cleanup(building_done)))

/* building_wrong - -EINVAL; the sentence begins with the option and all that was given to it */
int building_wrong(const struct building *b, struct error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
char *building_keep(struct building *b, const char *s);

bool word_is_in(const char *const *list, const char *word);
/* building_split_word - NAME=VALUE; value NULL without "=" */
const char *building_split_word(const char *word, char name[64]);
/* building_split_fields - at commas, but not within double quotes, which go */
void building_split_fields(const char *text, struct strings *ret);

/* building_add_common - what every type understands; 1 when it is not one of these */
int building_add_common(struct building *b, const char *word);
int building_add_bind(struct building *b, const char *word, struct error *err);
int building_add_tmpfs(struct building *b, const char *word, struct error *err);
/* building_propagation - one of private, rprivate, ... */
bool building_propagation(struct building *b, const char *word);
/* building_idmap - "uids=...;gids=..."; NULL: as the container's user namespace */
int building_idmap(struct building *b, const char *text, struct error *err);

int building_destination(struct building *b, const char *path, struct error *err);
/* building_host_source - absolute, by the directory that we are in */
int building_host_source(struct building *b, const char *path, struct error *err);
int building_volume_name(struct building *b, const char *name, struct error *err);
/* building_finish - all words were added: do they go together? */
int building_finish(struct building *b, struct record_mount *ret, struct error *err);
