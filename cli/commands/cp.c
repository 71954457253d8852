#include "../container/copy_files.h"
#include "cleanup.h"
#include "log.h"
#include <string.h>

struct cp_options { bool archive, follow, quiet; };
static const struct option_def options[] = {
	OPTION(struct cp_options, archive, 'a', "archive", NULL, "keep the owners of all that is copied"),
	OPTION(struct cp_options, follow, 'L', "follow-link", NULL, "of a SOURCE that is a symbolic link: what it leads to"),
	OPTION(struct cp_options, quiet, 'q', "quiet", NULL, "say nothing of what was copied, on a terminal, either"),
};

/* split - CONTAINER:PATH; a path of ours that has a colon begins with / or . Return: the container's name, caller frees; NULL: a path of ours */
static char *split(const char *word, const char **path)
{
	const char *colon = strchr(word, ':');
	*path = word;
	if (*word == '/' || *word == '.' || !colon || colon == word)
		return NULL;
	*path = colon + 1;
	return xstrndup(word, (size_t) (colon - word));
}

static int copy(const struct carrier *c, const struct cp_options *o, char **args, char **left_out, int64_t *bytes, struct error *err)
{
	struct container container cleanup_container = CONTAINER_NONE;
	struct copy_files f = { .carrier = c, .container = &container, .archive = o->archive, .follow = o->follow };
	cleanup_free char *from = split(args[0], &f.source), *to = split(args[1], &f.target);
	if (!from == !to)
		return error_say(err, EINVAL, from ? "both are containers: copy by way of an archive, `carrier cp A:DIR - | carrier cp - B:DIR`"
					     : "neither is a container: one of them is CONTAINER:PATH");
	if (!*f.source || !*f.target)
		return error_say(err, EINVAL, "there is no path: give CONTAINER:PATH");
	if ((from && strcmp(f.target, "-") == 0 && isatty(STDOUT_FILENO)) || (to && strcmp(f.source, "-") == 0 && isatty(STDIN_FILENO)))
		return error_say(err, EINVAL, "'-' is an archive, and that is no matter for a terminal: redirect it");
	f.out = from != NULL;
	int r = record_find(c, from ? from : to, false, &container, err);
	return r < 0 ? r : copy_files(&f, left_out, bytes, err);
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct cp_options *o = given;
	struct error err = { 0 };
	cleanup_free char *left_out = NULL;
	int64_t bytes = 0;
	char size[16];
	int r = copy(program, o, args, &left_out, &bytes, &err);
	if (r < 0)
		return carrier_fail(&err), 1;
	if (left_out)
		log_warn("%s", left_out);
	if (bytes && !o->quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "Successfully copied %s to %s\n", str_human_size((uint64_t) bytes, size), args[1]);
	return 0;
}

const struct command command_cp = {
	.name = "cp|copy", .arguments = "[CONTAINER:]SOURCE|- [CONTAINER:]TARGET|-", .summary = "copy files into a container or out of it",
	.description = "A directory is copied with all that is in it, also to and from what is mounted in the container, which may run or "
		       "not. Paths in it begin at its root directory. A TARGET that is there and is a directory gets SOURCE under its own "
		       "name, or, when SOURCE ends in /., what is in it; one that is not there becomes a copy of SOURCE, and its parent "
		       "must be there. `-` is a tar archive: at standard input one that is unpacked in the directory TARGET, at standard "
		       "output one of SOURCE.\n\n"
		       "What is copied belongs to root in the container, and outside to who calls, unless --archive is given. "
		       "Then, and in the archive of `-`, owners are numbers as they are seen in the container, also where --userns gives "
		       "it ids of its own.",
	.examples = "The logs of a web server:\n\tcarrier cp web:/var/log/nginx logs\n\n"
		    "A page for it:\n\tcarrier cp page.html web:/srv/\n\n"
		    "What is in a directory, without the directory:\n\tcarrier cp conf.d/. web:/etc/nginx/conf.d",
	.exit_status = "0, or 1 when it could not be done; what was copied until then stays.",
	OPTIONS(struct cp_options, options), .min_args = 2, .max_args = 2, .run = run,
};
