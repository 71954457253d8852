/* mount_options.h - the words of mounts[].options, as a pure table.
 *
 * fstab(5)-style words and the runtime-spec's additions (config.md "Linux mount options") become flags for
 * mount(2) and mount_setattr(2); what no row knows is data for the file system. Of words that contradict each
 * other the last counts.
 */
#pragma once
#include "error.h"
#include "str.h"
#include <stdbool.h>
#include <stdint.h>

struct mount_options {
	unsigned long flags;		/* MS_*: set */
	unsigned long cleared; /* MS_*: cleared explicitly ("rw", "dev", "suid", "exec", "atime" ...) */
	uint64_t rec_set, rec_clear; /* MOUNT_ATTR_*, applied recursively ("rro", "rnosuid" ...), as
				      * mount_setattr(2) wants them: an access time mode comes with all of
				      * MOUNT_ATTR__ATIME in rec_clear */
	unsigned long propagation;	/* MS_PRIVATE ... with MS_REC, or 0 */
	bool bind, recursive;		/* "bind"; "rbind" sets both */
	bool tmpcopyup, copy_symlink;	/* "tmpcopyup", "copy-symlink" */
	bool idmap, recursive_idmap;	/* "idmap"; "ridmap" sets both */
	struct buf data;		/* what is left, comma-separated; mount_options_done() frees it */
};

/* mount_options_parse - @words: NULL-terminated, or NULL
 * Return: 0, or -EINVAL when a word has a control character in it; @ret is empty then.
 */
int mount_options_parse(char *const *words, struct mount_options *ret, struct error *err);
void mount_options_done(struct mount_options *o);

/* mount_options_data - the value of NAME= in @data (comma-separated; the last one), or NULL when it is not
 * there. Points into @data; @ret_len: up to the comma. */
const char *mount_options_data(const char *data, const char *name, size_t *ret_len);
/* mount_options_without - @data without its NAME=... words. Caller frees. */
char *mount_options_without(const char *data, const char *name);

/* mount_attributes - MS_* flags as MOUNT_ATTR_* for fsmount(2) and mount_setattr(2); flags that belong to the
 * file system (MS_SYNCHRONOUS ...) have none. Without a word about access times: MOUNT_ATTR_RELATIME, which
 * is 0. */
uint64_t mount_attributes(unsigned long flags);
/* mount_option_names - every word that is understood, in alphabetical order, NULL-terminated */
const char *const *mount_option_names(void);
