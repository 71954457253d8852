#include "filter.h"
#include "../words.h"
#include "cleanup.h"
#include <ctype.h>
#include <string.h>

void filter_done(struct filter *f)
{
	strings_done(&f->labels);
	strings_done(&f->not_labels);
}

static int64_t unit_seconds(char unit)
{
	switch (unit) {
	case 's': return 1;
	case 'm': return 60;
	case 'h': return 3600;
	case 'd': return 86400;
	case 'w': return 7 * 86400;
	}
	return 0;
}

/* parse_duration - "1h30m" */
static int parse_duration(const char *s, int64_t *ret)
{
	int64_t sum = 0;
	if (!*s)
		return -EINVAL;
	while (*s) {
		size_t digits = strspn(s, "0123456789");
		int64_t unit = digits && digits < 10 ? unit_seconds(s[digits]) : 0;
		if (!unit)
			return -EINVAL;
		sum += strtoll(s, NULL, 10) * unit;
		s += digits + 1;
	}
	*ret = sum;
	return 0;
}

int filter_time(const char *text, int64_t now, int64_t *ret)
{
	int64_t before;
	if (parse_duration(text, &before) == 0) {
		*ret = now - before;
		return 0;
	}
	if (str_to_i64(text, 0, INT64_MAX, ret) == 0 || words_time(text, ret) == 0)
		return 0;
	cleanup_free char *midnight = xasprintf("%sT00:00:00Z", text);
	return words_time(midnight, ret);
}

int filter_parse(const struct strings *words, int64_t now, struct filter *ret, struct error *err)
{
	for (size_t i = 0; i < words->n; i++) {
		const char *word = words->v[i], *value;
		if ((value = str_after(word, "until="))) {
			if (filter_time(value, now, &ret->until) < 0)
				return error_say(err, EINVAL, "--filter '%s': a time (2006-01-02T15:04:05Z, 2006-01-02) or a duration before now "
						 "(24h, 1h30m, 10d)", word);
			ret->has_until = true;
		} else if ((value = str_after(word, "label=")) && *value) {
			strings_add(&ret->labels, value);
		} else if ((value = str_after(word, "label!=")) && *value) {
			strings_add(&ret->not_labels, value);
		} else {
			return error_say(err, EINVAL, "--filter '%s': until=TIME, label=KEY[=VALUE] or label!=KEY[=VALUE]", word);
		}
	}
	return 0;
}

bool filter_has_label(const struct json_map *labels, const char *wanted)
{
	const char *equals = strchr(wanted, '=');
	size_t len = equals ? (size_t) (equals - wanted) : strlen(wanted);
	for (size_t i = 0; i < labels->n; i++)
		if (strlen(labels->pairs[i].key) == len && strncmp(labels->pairs[i].key, wanted, len) == 0)
			return !equals || str_eq(labels->pairs[i].value, equals + 1);
	return false;
}

bool filter_takes(const struct filter *f, const char *created, const struct json_map *labels)
{
	int64_t at = 0;
	if (f->has_until && !str_empty(created) && words_time(created, &at) == 0 && at >= f->until)
		return false;
	for (size_t i = 0; i < f->labels.n; i++)
		if (!filter_has_label(labels, f->labels.v[i]))
			return false;
	for (size_t i = 0; i < f->not_labels.n; i++)
		if (filter_has_label(labels, f->not_labels.v[i]))
			return false;
	return true;
}
