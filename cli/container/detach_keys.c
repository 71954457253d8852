#include "detach_keys.h"
#include "cleanup.h"
#include "str.h"
#include <ctype.h>
#include <string.h>

/* parse_key - one word, @len long; -EINVAL */
static int parse_key(const char *word, size_t len)
{
	if (len == 1)
		return (unsigned char) *word;
	if (len != 6 || strncasecmp(word, "ctrl-", 5) != 0)
		return -EINVAL;
	int c = toupper((unsigned char) word[5]);
	return c >= '@' && c <= '_' ? c - '@' : -EINVAL;
}

int detach_keys_parse(const char *text, struct detach_keys *ret, struct error *err)
{
	struct detach_keys k = { .n = 0 };
	const char *p = text ? text : "ctrl-p,ctrl-q";
	while (*p) {
		size_t len = *p == ',' ? 1 : strcspn(p, ",");	/* a comma may be a key */
		int key = parse_key(p, len);
		if (key < 0)
			return error_say(err, EINVAL, "--detach-keys '%s': '%.*s' is no key; give single characters, and ctrl- with a letter or one "
					 "of @ [ \\ ] ^ _, with commas between", text, (int) len, p);
		if (k.n == DETACH_KEYS_MAX)
			return error_say(err, EINVAL, "--detach-keys '%s': at most %d keys", text, DETACH_KEYS_MAX);
		k.keys[k.n++] = (unsigned char) key;
		p += len;
		if (*p == ',' && !p[1])
			return error_say(err, EINVAL, "--detach-keys '%s': there is no key behind the last comma", text);
		p += *p == ',';
	}
	*ret = k;
	return 0;
}

/* fall_back - the keys that are held back, and @c, are no whole sequence: what is the longest beginning of one among their last?
 * As many keys as are let go are put at @out. Return: their number */
static size_t fall_back(struct detach_keys *k, unsigned char c, char *out)
{
	unsigned char held[DETACH_KEYS_MAX + 1];
	size_t n = k->matched + 1, gone = 1;
	memcpy(held, k->keys, k->matched);
	held[k->matched] = c;
	while (gone < n && memcmp(held + gone, k->keys, n - gone) != 0)
		gone++;
	memcpy(out, held, gone);
	k->matched = n - gone;
	return gone;
}

bool detach_keys_pass(struct detach_keys *k, const char *data, size_t len, char *out, size_t *ret_len)
{
	size_t n = 0;
	bool complete = false;
	for (size_t i = 0; i < len && !complete; i++) {
		unsigned char c = (unsigned char) data[i];
		if (k->n && c == k->keys[k->matched])
			complete = ++k->matched == k->n;
		else
			n += fall_back(k, c, out + n);
	}
	*ret_len = n;
	return complete;
}
