/* The group `manifest`: lists of images for several platforms, and the documents of images as they are.
 *
 * What is written into the store passes through carrier-unpack, which wants to be root of a user namespace: an ordinary user's list is
 * changed in a child that is. Registries' options are made sense of before that, as who the caller is. */
#include "../carrier.h"
#include "../container/apart.h"
#include "../container/userns.h"
#include "../image/lists.h"
#include "cleanup.h"
#include "rmi.h"
#include <string.h>
#include <unistd.h>

struct manifest_options {
	bool all, amend;
	char *os, *arch, *variant, *os_version;
	struct strings annotations;
	struct registry_options registry;
};
static const struct manifest_options defaults = { .registry = REGISTRY_OPTIONS_DEFAULT };

/* One command's work, in the child. */
struct work {
	const struct carrier *carrier;
	int (*change)(const struct store *s, struct list *list, const struct work *w, struct error *err);
	enum list_begin begin;
	const struct manifest_options *options;
	char *const *words;		/* the list, then images */
	struct session *session;	/* NULL: none of them is remote */
	struct reference *remotes;	/* of each word that is; .name NULL for the others */
};

static int change_list(const struct work *w, const struct store *s, struct error *err)
{
	struct list list cleanup_list = LIST_INIT;
	char digest[80];
	int r = lists_begin(s, w->words[0], w->begin, &list, err);
	if (r == 0 && w->change)
		r = w->change(s, &list, w, err);
	if (r == 0)
		r = lists_save(s, &list, digest, err);
	if (r == 0)
		puts(digest);
	return r;
}

static int work(void *ctx, struct error *err)
{
	const struct work *w = ctx;
	struct store s cleanup_store = STORE_INIT;
	int r = w->carrier->rootless ? userns_become_root(0, NULL, NULL, err) : 0;
	if (r == 0)
		r = store_open(w->carrier->root, &s, err);
	if (r == 0 && w->session)
		r = session_start(w->session, err);
	if (r == 0)
		r = change_list(w, &s, err);
	if (r < 0)	/* documents that were fetched, and have no list to belong to */
		(void) store_collect(&s, NULL);
	return r;
}

static int run_work(struct work *w, struct error *err)
{
	return w->carrier->rootless ? apart_run(work, w, err) : work(w, err);
}

/* prepare_remotes - of the words behind the list, those that say docker:// */
static int prepare_remotes(struct work *w, struct pool *pool, struct error *err)
{
	size_t n = strings_count(w->words);
	w->remotes = pool_alloc(pool, (n + 1) * sizeof *w->remotes);
	int r = 0;
	for (size_t i = 1; r == 0 && i < n; i++) {
		const char *bare = str_after(w->words[i], "docker://");
		if (!bare)
			continue;
		if (!w->session)
			r = session_open(&w->options->registry, "pull", &w->session, err);
		if (r == 0)
			r = reference_parse(bare, pool, &w->remotes[i], err);
		if (r == 0)
			r = session_prepare(w->session, &w->remotes[i], err);
	}
	return r;
}

static int change_and_tell(struct carrier *c, struct work *w)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct error err = { 0 };
	w->carrier = c;
	int r = prepare_remotes(w, &pool, &err);
	if (r == 0)
		r = run_work(w, &err);
	session_close(w->session);
	return r < 0 ? carrier_fail(&err) : 0;
}

/* ---- create, add ---- */

static struct list_platform platform_of(const struct manifest_options *o)
{
	return (struct list_platform) { .os = o->os, .architecture = o->arch, .variant = o->variant, .os_version = o->os_version,
					.annotations = o->annotations.v };
}

static int add_all(const struct store *s, struct list *list, const struct work *w, struct error *err)
{
	const struct list_platform p = platform_of(w->options);
	int r = 0;
	for (size_t i = 1; r == 0 && w->words[i]; i++) {
		if (w->remotes[i].name)
			r = lists_add_remote(s, list, w->session, &w->remotes[i], &p, w->options->all, err);
		else
			r = lists_add(s, list, w->words[i], &p, w->options->all, err);
	}
	return r;
}

static int run_create(void *program, void *given, char **args, int n_args)
{
	const struct manifest_options *o = given;
	(void) n_args;
	struct work w = { .change = add_all, .begin = o->amend ? LIST_EITHER : LIST_MUST_BE_NEW, .options = o, .words = args };
	return change_and_tell(program, &w);
}

static int run_add(void *program, void *given, char **args, int n_args)
{
	(void) n_args;
	struct work w = { .change = add_all, .begin = LIST_MUST_EXIST, .options = given, .words = args };
	return change_and_tell(program, &w);
}

#define IMAGES_HELP "An IMAGE is one of the store, or with docker:// before it one of a registry, of which the manifest is fetched and " \
	"nothing else. "

static const struct option_def create_options[] = {
	OPTION(struct manifest_options, all, 0, "all", NULL, "of an IMAGE that is a list itself, every image, and not this machine's alone"),
	OPTION(struct manifest_options, amend, 'a', "amend", NULL, "a list of that name may be there: it is added to"),
	REGISTRY_OPTION_ROWS(struct manifest_options, registry),
};

static const struct command command_manifest_create = {
	.name = "create", .arguments = "LIST [IMAGE...]", .summary = "make a list of images for several platforms",
	.description = IMAGES_HELP "Each is listed for the platform that it says it is for. Prints the list's digest.",
	.examples = "A list of two images that are here:\n\tcarrier manifest create example.org/app:1 app:1-amd64 app:1-arm64",
	.exit_status = "0, or 125 when the list could not be made.",
	OPTIONS(struct manifest_options, create_options), .defaults = &defaults, .min_args = 1, .max_args = -1, .run = run_create,
};

#define PLATFORM_ROWS \
	OPTION(struct manifest_options, os, 0, "os", "OS", "the system that it is for"), \
	OPTION(struct manifest_options, arch, 0, "arch", "ARCH", "the architecture that it is for"), \
	OPTION(struct manifest_options, variant, 0, "variant", "VARIANT", "the architecture's variant"), \
	OPTION(struct manifest_options, os_version, 0, "os-version", "VERSION", "the system's version"), \
	OPTION(struct manifest_options, annotations, 0, "annotation", "KEY=VALUE", "say this of it; again for more")

static const struct option_def add_options[] = {
	OPTION(struct manifest_options, all, 0, "all", NULL, "of an IMAGE that is a list itself, every image, and not one alone"),
	PLATFORM_ROWS,
	REGISTRY_OPTION_ROWS(struct manifest_options, registry),
};

static const struct command command_manifest_add = {
	.name = "add", .arguments = "LIST IMAGE...", .summary = "add images to a list",
	.description = IMAGES_HELP "Without the options it is listed for the platform that it says it is for. Prints the list's digest.",
	.examples = "A further image:\n\tcarrier manifest add example.org/app:1 app:1-riscv64",
	.exit_status = "0, or 125 when it could not be added.",
	OPTIONS(struct manifest_options, add_options), .defaults = &defaults, .min_args = 2, .max_args = -1, .run = run_add,
};

/* ---- annotate, remove ---- */

static int annotate(const struct store *s, struct list *list, const struct work *w, struct error *err)
{
	const struct list_platform p = platform_of(w->options);
	return lists_annotate(s, list, w->words[1], &p, err);
}

static int run_annotate(void *program, void *given, char **args, int n_args)
{
	(void) n_args;
	struct work w = { .change = annotate, .begin = LIST_MUST_EXIST, .options = given, .words = args };
	return change_and_tell(program, &w);
}

static const struct option_def annotate_options[] = { PLATFORM_ROWS };

static const struct command command_manifest_annotate = {
	.name = "annotate", .arguments = "LIST IMAGE", .summary = "change what a list says of one of its images",
	.description = "IMAGE is a digest that the list has, or an image of the store. An empty VARIANT or VERSION is taken away. Prints the list's "
		       "digest.",
	.examples = "Say which variant of a processor an image is for:\n\tcarrier manifest annotate --variant v7 example.org/app:1 app:1-arm",
	.exit_status = "0, or 125 when the list has no such image.",
	OPTIONS(struct manifest_options, annotate_options), .defaults = &defaults, .min_args = 2, .max_args = 2, .run = run_annotate,
};

static int remove_entries(const struct store *s, struct list *list, const struct work *w, struct error *err)
{
	int r = 0;
	for (size_t i = 1; r == 0 && w->words[i]; i++)
		r = lists_remove(s, list, w->words[i], err);
	return r;
}

static int run_remove(void *program, void *given, char **args, int n_args)
{
	(void) given, (void) n_args;
	struct work w = { .change = remove_entries, .begin = LIST_MUST_EXIST, .options = &defaults, .words = args };
	return change_and_tell(program, &w);
}

static const struct command command_manifest_remove = {
	.name = "remove", .arguments = "LIST IMAGE...", .summary = "take images out of a list",
	.description = "IMAGE is a digest that the list has, or an image of the store. Prints the list's digest.",
	.examples = "Take an image out:\n\tcarrier manifest remove example.org/app:1 app:1-riscv64",
	.exit_status = "0, or 125 when the list has no such image.",
	.min_args = 2, .max_args = -1, .run = run_remove,
};

/* ---- rm ---- */

static int check_list(const struct store *s, const char *word, struct error *err)
{
	struct list list cleanup_list = LIST_INIT;
	return lists_begin(s, word, LIST_MUST_EXIST, &list, err);
}

static int run_rm(void *program, void *given, char **args, int n_args)
{
	struct carrier *c = program;
	struct store s cleanup_store = STORE_INIT;
	struct error err = { 0 };
	int code = 0;
	(void) given, (void) n_args;
	if (store_open(c->root, &s, &err) < 0)
		return carrier_fail(&err);
	for (; *args; args++) {
		int r = check_list(&s, *args, &err);
		if (r == 0)
			r = rmi_one(c, *args, false, &err);
		if (r < 0) {
			carrier_fail(&err);
			code = 1;
		}
	}
	return code;
}

static const struct command command_manifest_rm = {
	.name = "rm", .arguments = "LIST...", .summary = "remove lists",
	.description = "Images that have a name of their own stay.",
	.examples = "Forget the list; its images stay:\n\tcarrier manifest rm example.org/app:1",
	.exit_status = "0, or 1 when any of them could not be removed.",
	.min_args = 1, .max_args = -1, .run = run_rm,
};

/* ---- inspect ---- */

struct inspection { const struct carrier *carrier; struct session *session; const struct reference *ref; };

static void print_document(const char *text, size_t len)
{
	(void) fwrite(text, 1, len, stdout);
	if (isatty(STDOUT_FILENO) && len && text[len - 1] != '\n')
		putchar('\n');
}

static int inspect_remote(void *ctx, struct error *err)
{
	const struct inspection *i = ctx;
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct store s cleanup_store = STORE_INIT;
	char *text;
	size_t len;
	int r = i->carrier->rootless ? userns_become_root(0, NULL, NULL, err) : 0;
	if (r == 0)
		r = store_open(i->carrier->root, &s, err);
	if (r == 0)
		r = session_start(i->session, err);
	if (r == 0)
		r = lists_fetch(&s, i->session, i->ref, &pool, &text, &len, err);
	if (r == 0)
		print_document(text, len);
	(void) store_collect(&s, NULL);		/* it came by way of the store */
	return r;
}

static int ask_registry(const struct carrier *c, const struct manifest_options *o, const char *word, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct session *session cleanup_session = NULL;
	struct reference ref;
	int r = session_open(&o->registry, "pull", &session, err);
	if (r == 0)
		r = reference_parse(word, &pool, &ref, err);
	if (r == 0)
		r = session_prepare(session, &ref, err);
	struct inspection i = { c, session, &ref };
	if (r < 0)
		return r;
	return c->rootless ? apart_run(inspect_remote, &i, err) : inspect_remote(&i, err);
}

static int inspect_own(const struct carrier *c, const char *word, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct store s cleanup_store = STORE_INIT;
	struct named named;
	char *text;
	size_t len;
	int r = store_open(c->root, &s, err);
	if (r == 0)
		r = names_find(&s, word, &pool, &named, err);
	if (r == 0)
		r = names_read(&s, &named.descriptor, &pool, &text, &len, &named.kind, err);
	if (r == 0)
		print_document(text, len);
	return r;
}

static int run_inspect(void *program, void *given, char **args, int n_args)
{
	struct error err = { 0 };
	const char *remote = str_after(args[0], "docker://");
	(void) n_args;
	int r = remote ? -ENOENT : inspect_own(program, args[0], &err);
	if (r == -ENOENT)
		r = ask_registry(program, given, remote ? remote : args[0], &err);
	return r < 0 ? carrier_fail(&err) : 0;
}

static const struct option_def inspect_options[] = { REGISTRY_OPTION_ROWS(struct manifest_options, registry) };

static const struct command command_manifest_inspect = {
	.name = "inspect", .arguments = "NAME", .summary = "print the manifest of an image, or a list of images, as it is",
	.description = "Of the store when it has the name, else of the registry; with docker:// before it always of the registry. Byte "
		       "for byte: what is printed has the digest.",
	.examples = "For which platforms is there an image?\n\tcarrier manifest inspect docker.io/library/debian:12 | jq '.manifests[].platform'",
	.exit_status = "0, or 125 when it is nowhere.",
	OPTIONS(struct manifest_options, inspect_options), .defaults = &defaults, .min_args = 1, .max_args = 1, .run = run_inspect,
};

static const struct command *const commands[] = {
	&command_manifest_add,
	&command_manifest_annotate,
	&command_manifest_create,
	&command_manifest_inspect,
	&command_manifest_push,
	&command_manifest_remove,
	&command_manifest_rm,
	NULL,
};

const struct command command_manifest = { .name = "manifest", .summary = "manage lists of images for several platforms", .sub = commands };
