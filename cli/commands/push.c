#include "../container/event.h"
#include "../carrier.h"
#include "../image/push.h"
#include "cleanup.h"
#include "fs.h"
#include "rmi.h"
#include <string.h>

enum { INTERRUPTED = 130 };

struct push_command_options { bool quiet, all_tags, images, remove; char *digestfile, *progress; struct registry_options registry; };
static const struct push_command_options defaults = { .progress = (char *) "auto", .images = true, .registry = REGISTRY_OPTIONS_DEFAULT };

static const struct option_def options[] = {
	OPTION(struct push_command_options, all_tags, 'a', "all-tags", NULL, "every tag that the store has of the repository IMAGE"),
	REGISTRY_OPTION_ROWS(struct push_command_options, registry),
	OPTION(struct push_command_options, digestfile, 0, "digestfile", "FILE", "write the digest of what was pushed into this file"),
	OPTION(struct push_command_options, progress, 0, "progress", "auto|tty|plain|json|none", "what is shown on stderr meanwhile"),
	OPTION(struct push_command_options, quiet, 'q', "quiet", NULL, "print the digest only, as --progress none"),
};

static int write_digest(const char *file, const char *digest, struct error *err)
{
	return file ? fs_replace_file(AT_FDCWD, file, digest, strlen(digest), 0644, false, err) : 0;
}

/* destination - where @named goes: as @word says, else by its own name */
static int destination(const struct named *named, const char *word, const char *given, struct pool *pool, struct reference *ret,
		       struct error *err)
{
	static const char *const others[] = { "oci:", "oci-archive:", "dir:", "docker-archive:", "docker-daemon:", "containers-storage:" };
	for (size_t i = 0; given && i < sizeof others / sizeof *others; i++)
		if (str_starts(given, others[i]))
			return error_say(err, ENOTSUP, "push: '%s' is no registry; `carrier save` writes archives and layouts", given);
	if (given)
		return names_parse(given, pool, ret, err);
	if (!named->ref.name)
		return error_say(err, EINVAL, "push: '%s' is an id or a short name, which says nothing of where it is to go: give a "
				 "DESTINATION, as in `carrier push %s registry.example.com/name:tag`", word, word);
	if (named->ref.digest)
		return error_say(err, EINVAL, "push: '%s' names a digest and not a tag: give a DESTINATION with one", word);
	*ret = named->ref;
	return 0;
}

static int push_one(const struct carrier *c, const struct store *s, struct session *session, const char *word, const char *given,
		    const struct push_command_options *o, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct push_options p = { .index_only = !o->images };
	struct named named;
	struct reference to;
	const char *bare = str_after(word, "docker://");
	int r = progress_mode_parse(o->progress, &p.progress, err);
	if (o->quiet)
		p.progress = PROGRESS_NONE;
	if (r == 0)
		r = names_find(s, bare ? bare : word, &pool, &named, err);
	if (r == 0)
		r = destination(&named, word, given, &pool, &to, err);
	if (r == 0)
		r = session_prepare(session, &to, err);
	if (r == 0)
		progress_note(p.progress, "pushing %s", to.familiar);
	if (r == 0)
		r = push_image(s, session, &named, &to, &p, err);
	if (r == 0)
		event_record(c, "image", "push", to.familiar, to.familiar, NULL, NULL);
	if (r == 0)
		r = write_digest(o->digestfile, named.descriptor.digest, err);
	if (r == 0)
		puts(named.descriptor.digest);
	return r;
}

/* check_repository - a name without a tag */
static int check_repository(const char *word, struct pool *pool, struct reference *ret, struct error *err)
{
	const char *bare = str_after(word, "docker://");
	int r = reference_parse(bare ? bare : word, pool, ret, err);
	const char *colon = strrchr(word, ':');
	if (r == 0 && (ret->digest || (colon && !strchr(colon, '/'))))
		return error_say(err, EINVAL, "push: with --all-tags '%s' has to be a repository, without a tag", word);
	return r;
}

static int push_tags(const struct carrier *c, const struct store *s, struct session *session, const char *word, const char *given,
		     const struct push_command_options *o, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct index_document *index;
	struct reference from, to;
	size_t pushed = 0;
	int r = check_repository(word, &pool, &from, err);
	if (r == 0)
		r = check_repository(given ? given : word, &pool, &to, err);
	if (r == 0)
		r = store_index(s, &pool, &index, err);
	for (size_t i = 0; r == 0 && i < index->n_manifests; i++) {
		struct reference have;
		const char *name = store_name_of(&index->manifests[i]);
		if (!name || reference_parse(name, &pool, &have, NULL) < 0 || !have.tag || strcmp(have.registry, from.registry) != 0 ||
		    strcmp(have.path, from.path) != 0)
			continue;
		r = push_one(c, s, session, name, pool_printf(&pool, "%s/%s:%s", to.registry, to.path, have.tag), o, err);
		pushed++;
	}
	if (r == 0 && !pushed)
		return error_say(err, ENOENT, "push: the store has no tag of %s", word);
	return r;
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	const struct push_command_options *o = given;
	struct store s cleanup_store = STORE_INIT;
	struct session *session cleanup_session = NULL;
	struct error err = { 0 };
	const char *to = n_args > 1 ? args[1] : NULL;
	int r = store_open(c->root, &s, &err);
	if (r == 0)
		r = session_open(&o->registry, "pull,push", &session, &err);
	if (r == 0)
		r = o->all_tags ? push_tags(c, &s, session, args[0], to, o, &err) : push_one(c, &s, session, args[0], to, o, &err);
	if (r < 0)
		(void) carrier_fail(&err);
	return r == -EINTR ? INTERRUPTED : r < 0 ? EXIT_CARRIER : 0;
}

#define DESCRIPTION "What the registry has already is not sent, and what it has in another repository is taken from there. Manifests are " \
	"sent byte for byte as they were pulled or made, so that an image has the same digest everywhere. A list of images for several " \
	"platforms (`carrier manifest create`) is pushed with all of its images.\n\n" \
	"Without a DESTINATION the image's own name says where it goes: `carrier tag` gives it another. Prints the digest."

const struct command command_push = {
	.name = "push", .arguments = "IMAGE [DESTINATION]", .summary = "send an image to a registry", .description = DESCRIPTION,
	.examples = "Under its own name, and under another:\n\tcarrier push example.org/app:1\n\tcarrier push app:1 registry.example.org/team/app:1",
	.exit_status = "0, 125 when it could not be pushed, 130 when a signal ended it.",
	OPTIONS(struct push_command_options, options), .defaults = &defaults, .min_args = 1, .max_args = 2, .run = run,
};

/* ---- manifest push ---- */

static const struct option_def manifest_options[] = {
	OPTION(struct push_command_options, images, 0, "all", NULL, "the images that are listed, too (the default); =false: the list alone, for "
	       "a registry that has them"),
	OPTION(struct push_command_options, remove, 'p', "purge|rm", NULL, "remove the list from the store once it is pushed"),
	OPTION(struct push_command_options, digestfile, 0, "digestfile", "FILE", "write the digest of what was pushed into this file"),
	REGISTRY_OPTION_ROWS(struct push_command_options, registry),
	OPTION(struct push_command_options, progress, 0, "progress", "auto|tty|plain|json|none", "what is shown on stderr meanwhile"),
	OPTION(struct push_command_options, quiet, 'q', "quiet", NULL, "print the digest only, as --progress none"),
};

static int check_list(const char *root, const char *word, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct store s cleanup_store = STORE_INIT;
	struct named named;
	int r = store_open(root, &s, err);
	if (r == 0)
		r = names_find(&s, word, &pool, &named, err);
	if (r == 0 && named.kind != DOCUMENT_INDEX)
		return error_say(err, EINVAL, "'%s' is an image, and not a list of images: `carrier push` sends it", word);
	return r;
}

static int run_manifest(void *program, void *given, char **args, int n_args)
{
	struct carrier *c = program;
	const struct push_command_options *o = given;
	struct error err = { 0 };
	int r = check_list(c->root, args[0], &err);
	int code = r < 0 ? carrier_fail(&err) : run(program, given, args, n_args);
	if (code == 0 && o->remove && rmi_one(c, args[0], false, &err) < 0)
		return carrier_fail(&err);
	return code;
}

const struct command command_manifest_push = {
	.name = "push", .arguments = "LIST [DESTINATION]", .summary = "send a list of images to a registry",
	.description = "First the images that are listed, as by `carrier push`, then the list. Of those that are not in the store the "
		       "registry has to have the manifest already. Prints the digest.",
	.examples = "The list and all its images:\n\tcarrier manifest push example.org/app:1",
	.exit_status = "0, 125 when it could not be pushed, 130 when a signal ended it.",
	OPTIONS(struct push_command_options, manifest_options), .defaults = &defaults, .min_args = 1, .max_args = 2, .run = run_manifest,
};
