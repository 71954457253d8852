#include "select.h"
#include "cleanup.h"
#include "container_filter.h"
#include "fs.h"
#include <stdlib.h>
#include <string.h>

struct acting {
	const struct carrier *c;
	int (*act)(const struct carrier *c, struct container *container, void *options, struct error *err);
	void *options;
	int code;		/* of the command */
};

static void act_on(struct acting *a, struct container *container, const char *shown)
{
	struct error err = { 0 };
	int r = a->act(a->c, container, a->options, &err);
	if (r < 0) {
		carrier_fail(&err);
		a->code = 1;
	} else if (r == 0) {
		puts(shown);
	}
	(void) fflush(stdout);
}

static int act_on_all(struct acting *a, const struct strings *words, struct error *err)
{
	struct container_filter filter cleanup_container_filter = { 0 };
	struct container *list = NULL;
	size_t n = 0;
	int r = container_filter_parse(a->c, words, &filter, err);
	if (r == 0)
		r = record_list(a->c, &list, &n, err);
	for (size_t i = 0; i < n; i++) {
		if (container_filter_takes(&filter, &list[i]))
			act_on(a, &list[i], list[i].record.id);
		container_done(&list[i]);
	}
	free(list);
	return r;
}

static void act_on_name(struct acting *a, const char *name, bool latest, bool ignore)
{
	struct container container cleanup_container = CONTAINER_NONE;
	struct error err = { 0 };
	int r = record_find(a->c, name, latest, &container, &err);
	if (r == 0) {
		act_on(a, &container, latest ? container.record.id : name);
	} else if (r != -ENOENT || !ignore) {
		carrier_fail(&err);
		a->code = 1;
	}
}

static void act_on_file(struct acting *a, const char *path, bool ignore)
{
	struct error err = { 0 };
	cleanup_free char *id = NULL;
	int r = fs_read_file(AT_FDCWD, path, 4096, &id, NULL, &err);
	if (r == 0) {
		id[strcspn(id, "\n")] = 0;
		act_on_name(a, id, false, ignore);
	} else if (r != -ENOENT || !ignore) {
		error_wrap(&err, "--cidfile");
		carrier_fail(&err);
		a->code = 1;
	}
}

int each_selected(const struct carrier *c, char *const *names, const struct selection *s,
		  int (*act)(const struct carrier *c, struct container *container, void *options, struct error *err), void *options)
{
	struct acting a = { c, act, options, 0 };
	struct error err = { 0 };
	if ((s->all || s->filter.n) && act_on_all(&a, &s->filter, &err) < 0) {
		carrier_fail(&err);
		return err.code == EINVAL ? EXIT_CARRIER : 1;
	}
	if (s->latest)
		act_on_name(&a, "", true, s->ignore);
	for (size_t i = 0; i < s->cidfiles.n; i++)
		act_on_file(&a, s->cidfiles.v[i], s->ignore);
	for (; *names; names++)
		act_on_name(&a, *names, false, s->ignore);
	return a.code;
}

int selection_check(const char *command, int n_names, const struct selection *s)
{
	bool many = s->all || s->filter.n > 0;
	bool named = n_names > 0 || s->cidfiles.n > 0;
	struct error err = { 0 };
	if ((many || s->latest) && named)
		(void) error_say(&err, EINVAL, "%s: %s and names of containers exclude each other", command,
				 s->all ? "--all" : s->latest ? "--latest" : "--filter");
	else if (many && s->latest)
		(void) error_say(&err, EINVAL, "%s: --latest is one, and %s are many: give one of them", command, s->all ? "--all" : "--filter");
	else if (!many && !s->latest && !named)
		(void) error_say(&err, EINVAL, "%s: name at least one container, or give --all", command);
	return err.code ? carrier_fail(&err) : 0;
}
