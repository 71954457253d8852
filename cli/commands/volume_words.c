#include "volume_words.h"
#include "../format.h"
#include "../image/walk.h"
#include "cleanup.h"
#include <fcntl.h>
#include <string.h>
#include <time.h>

enum { DANGLING = 1, USED = -1 };

int remove_each(const struct carrier *c, char **names, int (*remove)(const struct carrier *, const char *, struct error *), bool missing_ok)
{
	int code = 0;
	for (; *names; names++) {
		struct error err = { 0 };
		int r = remove(c, *names, &err);
		if (r == 0)
			puts(*names);
		else if (!missing_ok || r != -ENOENT)
			code = (carrier_fail(&err), 1);
	}
	return code;
}

int print_records(const struct json_type *type, const void *records, size_t n, const char *format, struct error *err)
{
	struct format f cleanup_format = { 0 };
	int r = format_parse(format ? format : "json", &f, err);
	if (r < 0)
		return r;
	if (f.is == FORMAT_TABLE)
		return error_say(err, EINVAL, "--format '%s' is not known: json, or a template such as '{{.Name}}'", format);
	if (f.is == FORMAT_JSON) {
		cleanup_free char *text = json_encode_list(type, records, n, JSON_INDENTED, NULL);
		fputs(text, stdout);
		return 0;
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		r = format_row(&f, type, (const char *) records + i * type->size, err);
	format_end(&f);
	return r;
}

void volume_filter_done(struct volume_filter *f)
{
	filter_done(&f->common);
	strings_done(&f->names);
	strings_done(&f->drivers);
	strings_done(&f->used);
}

static int parse_dangling(const char *word, const char *value, int *ret, struct error *err)
{
	bool yes = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
	if (!yes && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
		return error_say(err, EINVAL, "--filter '%s': give true or false", word);
	*ret = yes ? DANGLING : USED;
	return 0;
}

int volume_filter_parse(const struct carrier *c, const struct strings *words, struct volume_filter *ret, struct error *err)
{
	struct strings rest cleanup_strings = { 0 };
	struct error why = { 0 };
	int r = 0;
	for (size_t i = 0; r == 0 && i < words->n; i++) {
		const char *word = words->v[i], *value;
		if ((value = str_after(word, "name=")))
			strings_add(&ret->names, value);
		else if ((value = str_after(word, "driver=")))
			strings_add(&ret->drivers, value);
		else if ((value = str_after(word, "dangling=")))
			r = parse_dangling(word, value, &ret->dangling, err);
		else
			strings_add(&rest, word);
	}
	if (r == 0 && filter_parse(&rest, time(NULL), &ret->common, &why) < 0)
		return error_say(err, EINVAL, "%s, name=PART, driver=local, dangling=true|false", why.text);
	return r < 0 || !ret->dangling ? r : volume_used(c, &ret->used, err);
}

bool volume_filter_takes(const struct volume_filter *f, const struct volume_record *v)
{
	bool named = f->names.n == 0;
	for (size_t i = 0; i < f->names.n; i++)
		named = named || strstr(v->name, f->names.v[i]);
	if (!named || (f->drivers.n && !strings_have(f->drivers.v, "local")))
		return false;
	if (f->dangling && strings_have(f->used.v, v->name) != (f->dangling == USED))
		return false;
	return filter_takes(&f->common, v->created, &v->labels);
}

int volumes_prune(const struct carrier *c, const struct volume_filter *f, bool all, int64_t *bytes, struct error *err)
{
	struct volume *list;
	size_t n, removed = 0;
	int r = volume_list(c, &list, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct volume_record *v = &list[i].record;
		if ((!v->anonymous && !all) || !volume_filter_takes(f, v))
			continue;
		int64_t size = walk_usage(AT_FDCWD, list[i].data, NULL);
		r = volume_remove(c, v->name, err);
		if (r == 0)
			printf("%s%s\n", removed++ ? "" : "Deleted Volumes:\n", v->name);
		if (r == 0 && size > 0)
			*bytes += size;
		if (r == -EBUSY || r == -ENOENT)
			r = 0;
	}
	if (removed)
		putchar('\n');
	volume_list_free(list, n);
	return r;
}
