/* volume_words.h - what the commands of volumes and secrets have in common. */
#pragma once
#include "../volume/volume.h"
#include "filter.h"

extern const struct command command_volume_export, command_volume_import;

/* docker's view of a volume */
struct seen_volume { char *name, *created, *driver, *mountpoint, *scope; struct json_map labels, options; bool anonymous; };
struct seen_volume volume_seen(const struct volume *v);

/* remove_each - the command `rm`: prints what was removed, says what was not. @missing_ok: what does not exist is no failure.
 * Return: the exit code */
int remove_each(const struct carrier *c, char **names, int (*remove)(const struct carrier *, const char *, struct error *), bool missing_ok);

/* print_records - of inspect: @n objects of @type as a JSON list, or, with a template, a line for each */
int print_records(const struct json_type *type, const void *records, size_t n, const char *format, struct error *err);

/* struct volume_filter - --filter of volume ls and volume prune */
struct volume_filter { struct filter common; struct strings names, drivers, used; int dangling; };
void volume_filter_done(struct volume_filter *f);
#define cleanup_volume_filter __attribute__((cleanup(volume_filter_done)))
int volume_filter_parse(const struct carrier *c, const struct strings *words, struct volume_filter *ret, struct error *err);
bool volume_filter_takes(const struct volume_filter *f, const struct volume_record *v);

/* volumes_prune - remove and print those that no container uses; without @all only anonymous ones. For who may look at files of all ids.
 * @bytes: what they took is added */
int volumes_prune(const struct carrier *c, const struct volume_filter *f, bool all, int64_t *bytes, struct error *err);
