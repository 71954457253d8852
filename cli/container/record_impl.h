/* record_impl.h - what the parts of the record share; record.h is what others know of it.
 *
 *	record.c	the documents: reading and writing them
 *	record_state.c	what a container's files and its lock say that has become of it
 *	record_place.c	the directories beneath ROOT, and removing what is in them
 *	record_names.c	names: taking, giving up, changing
 *	record_make.c	making and removing one
 *	record_find.c	finding one, and listing all
 *
 * Each calls those above it.
 */
#pragma once
#include "record.h"

enum { ID_LEN = 64, SHORT_ID = 12 };
#define REMOVED ".removed"	/* behind the id: a directory that is being removed */

/* record.c */
/* record_document_read - one of the container's files into @ret, in its pool; -EBADMSG when it is there, but damaged */
int record_document_read(struct container *c, const char *file, const struct json_type *type, void *ret, struct error *err);
int record_document_write(const struct container *c, const char *file, const struct json_type *type, const void *object, struct error *err);

/* record_state.c */
/* status_is_active - it has a monitor, or its monitor was killed */
bool status_is_active(const struct status *s);

/* record_place.c */
/* record_place_open - ROOT/@name, made with @make; -ENOENT without it is for the caller to understand */
int record_place_open(const struct carrier *carrier, const char *name, bool make, struct error *err);
bool record_place_is_id(const char *s);
/* record_place_is_gone - nothing is behind @id: no directory, or one that somebody began to make and never finished */
bool record_place_is_gone(int containers_fd, const char *id);
/* record_place_remove - the directory @id, also files of subordinate ids. Gone already is success */
int record_place_remove(const struct carrier *carrier, int containers_fd, const char *id, struct error *err);
/* record_place_sweep - what somebody began to remove and cannot be at it any more; with the lock held, somebody is */
void record_place_sweep(const struct carrier *carrier, int containers_fd, const char *name);

/* record_names.c */
bool record_name_is_valid(const char *s);
/* record_name_invalid - -EINVAL, and the sentence */
int record_name_invalid(const char *name, struct error *err);
/* record_name_target - the id that @name stands for; -ENOENT when it is free */
int record_name_target(int names_fd, const char *name, char id[ID_LEN + 1]);
/* record_name_choose - the one that was asked for, or the first invented one that is free, becomes c->record.name */
int record_name_choose(int names_fd, int containers_fd, const char *wanted, struct container *c, struct error *err);
/* record_name_drop - the one that points to @id, whatever it is: of a directory whose maker was killed before there was a record */
void record_name_drop(const struct carrier *carrier, const char *id);
/* record_name_give_up - the name that the container has now, which may be another than c->record.name */
void record_name_give_up(const struct carrier *carrier, struct container *c);
