/* detach_keys.h - the keys that leave a container's terminal without ending the container: docker's "ctrl-p,ctrl-q".
 *
 * Keys that begin the sequence are held back; when what follows is another key, they are passed on in front of it.
 */
#pragma once
#include "error.h"
#include <stdbool.h>

enum { DETACH_KEYS_MAX = 16 };
struct detach_keys {
	unsigned char keys[DETACH_KEYS_MAX];
	size_t n;			/* 0: nothing detaches */
	size_t matched;			/* how many of them were typed last */
};

/* detach_keys_parse - "ctrl-x,x,ctrl-@"; NULL is the default, "" is nothing. Behind ctrl-: a letter, @ [ \ ] ^ or _. -EINVAL */
int detach_keys_parse(const char *text, struct detach_keys *ret, struct error *err);

/* detach_keys_pass - @data as it was typed
 * @out: receives what is for the container: room for @len + DETACH_KEYS_MAX. *@ret_len: how much
 * Return: true when the sequence is complete; what was typed behind it is dropped */
bool detach_keys_pass(struct detach_keys *k, const char *data, size_t len, char *out, size_t *ret_len);
