/* seccomp_cache.h - compiled filters on disk.
 *
 *	DIR/.seccomp/HASH	header, key, code; HASH is of the key
 *
 * Nothing is taken from there that another user could have written: directory and file must belong to the
 * effective user with modes 0700 and 0600. A damaged file is found by its checksum. What is not as it should
 * be counts as not there; a directory that is ours and has another mode is emptied and gets the right one when the
 * next filter is stored. It is only a cache: no failure here is an error, it can be removed at any time.
 */
#pragma once
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

/* seccomp_cache_get - the code stored under exactly @key. Return: found; then the caller frees @ret */
bool seccomp_cache_get(const char *dir, const char *key, size_t key_len, struct sock_filter **ret,
		       unsigned short *ret_n);

/* seccomp_cache_put - store; makes DIR/.seccomp (not DIR), empties it when it has grown to 64 files */
void seccomp_cache_put(const char *dir, const char *key, size_t key_len, const struct sock_filter *code,
		       unsigned short n);
