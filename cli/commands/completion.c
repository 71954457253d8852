/* `completion`: the scripts for shells, which common/ makes of the tables; and the words that only carrier knows, which these scripts ask for. */
#include "../container/record.h"
#include "../container/runtime.h"
#include "../image/store.h"
#include "cleanup.h"
#include <dirent.h>
#include <string.h>

static bool is_any(const struct container *c) { return true; }
static bool is_running(const struct container *c) { return container_active(c); }
static bool is_stopped(const struct container *c) { return !container_active(c); }

static void print_containers(const struct carrier *c, bool (*is)(const struct container *))
{
	struct container *list = NULL;
	size_t n = 0;
	(void) record_list(c, &list, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		if (is(&list[i]))
			puts(list[i].record.name);
		container_done(&list[i]);
	}
	free(list);
}

static void containers(const struct carrier *c) { print_containers(c, is_any); }
static void running(const struct carrier *c) { print_containers(c, is_running); }
static void stopped(const struct carrier *c) { print_containers(c, is_stopped); }

/* images - as people write them: what is of Docker Hub without saying so */
static void images(const struct carrier *c)
{
	struct image *list = NULL;
	size_t n = 0;
	(void) store_list_root(c->root, &list, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < list[i].names.n; k++) {
			const char *name = list[i].names.v[k], *hub = str_after(name, "docker.io/");
			const char *library = hub ? str_after(hub, "library/") : NULL;
			puts(library ? library : hub ? hub : name);
		}
	}
	store_list_free(list, n);
}

/* print_places - what is named by a directory or file below --root */
static void print_places(const struct carrier *c, const char *place)
{
	cleanup_free char *path = xasprintf("%s/%s", c->root, place);
	cleanup_dir DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));)
		if (e->d_name[0] != '.')
			puts(e->d_name);
}

static void volumes(const struct carrier *c) { print_places(c, "volumes"); }
static void secrets(const struct carrier *c) { print_places(c, "secrets"); }
static void networks(const struct carrier *c) { puts("none\nhost\nprivate"), print_places(c, "networks"); }

static const struct { const char *name; void (*print)(const struct carrier *c); } kinds[] = {
	{ "containers", containers }, { "running", running }, { "stopped", stopped }, { "images", images }, { "volumes", volumes },
	{ "secrets", secrets }, { "networks", networks },
};

static bool print_kind(const struct carrier *c, const char *word)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(kinds[i].name, word) == 0) {
			kinds[i].print(c);
			return true;
		}
	}
	return false;
}

static int complete(void *program, void *options, char **args, int n_args)
{
	struct error err = { 0 };
	for (char **word = args; *word; word++)
		if (!print_kind(program, *word) && command_complete(&carrier_program, *word, stdout, &err) < 0)
			return carrier_fail(&err);
	return 0;
}

const struct command command_completion = {
	.name = "completion", .arguments = "bash|zsh|fish|containers|running|stopped|images|volumes|secrets|networks...",
	.summary = "print a completion script for a shell, or the words that such a script asks for",
	.description = "The scripts are made of the same tables as --help. What they complete is asked for when it is wanted: names of "
		       "containers, of those that run, of those that do not, of images, volumes, secrets and networks, one a line.",
	.examples = "For all users, from the next shell on:\n\tcarrier completion bash > /usr/share/bash-completion/completions/carrier\n\t"
		    "carrier completion zsh > /usr/share/zsh/site-functions/_carrier\n"
		    "\tcarrier completion fish > /usr/share/fish/vendor_completions.d/carrier.fish\n\n"
		    "For this shell alone:\n\tcarrier completion bash > /tmp/c && . /tmp/c",
	.min_args = 1, .max_args = -1, .run = complete,
};
