#include "../container/runtime.h"
#include "../format.h"
#include "cleanup.h"
#include <string.h>
#include <sys/utsname.h>

struct version_options { char *format; };
static const struct option_def options[] = {
	OPTION(struct version_options, format, 'f', "format", "json|TEMPLATE",
	       "a JSON object, or what a template makes of it: '{{.Client.Version}}'"),
};

struct part { char *name, *version; };
struct client { char *version, *os, *arch, *kernel; };
struct version { struct client client; struct part *components; size_t n_components; };
#define T struct part
static const struct json_type part_type = JSON_TYPE(T, JSON_ALWAYS(T, name, "Name"), JSON_ALWAYS(T, version, "Version"));
#undef T
#define T struct client
static const struct json_type client_type = JSON_TYPE(T, JSON_ALWAYS(T, version, "Version"), JSON_ALWAYS(T, os, "Os"), JSON_ALWAYS(T, arch, "Arch"),
	JSON_ALWAYS(T, kernel, "KernelVersion"));
#undef T
#define T struct version
static const struct json_type version_type = JSON_TYPE(T, JSON_INLINE(T, client, "Client", client_type),
						       JSON_LIST(T, components, "Components", part_type));
#undef T

/* runtime_version - the first line of what it says of itself; caller frees */
static char *runtime_version(const struct carrier *c)
{
	char *args[] = { (char *) "--version", NULL };
	char *text = NULL;
	struct error err = { 0 };
	if (runtime_run(c, args, &text, &err) < 0) {
		free(text);
		return xstrdup(err.text);
	}
	text[strcspn(text, "\n")] = 0;
	return text;
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	const struct version_options *o = given;
	struct format format cleanup_format = { 0 };
	struct error err = { 0 };
	struct utsname u = { 0 };
	if (format_parse(o->format, &format, &err) < 0)
		return carrier_fail(&err);
	if (format.is == FORMAT_TABLE) {
		puts("carrier version " VERSION);
		return 0;
	}
	(void) uname(&u);
	cleanup_free char *runtime = runtime_version(c);
	struct part parts[] = { { (char *) "carrier", (char *) VERSION }, { c->runtime ? c->runtime : (char *) "woody", runtime } };
	struct version v = { .client = { (char *) VERSION, (char *) "linux", u.machine, u.release }, .components = parts, .n_components = 2 };
	int r = format_row(&format, &version_type, &v, &err);
	format_end(&format);
	return r < 0 ? carrier_fail(&err) : 0;
}

const struct command command_version = {
	.name = "version", .section = "The rest", .summary = "print the version of carrier",
	.description = "With --format also those of its parts.",
	.examples = "Which version is this?\n\tcarrier version\n\nOf the runtime, too:\n"
		    "\tcarrier version --format '{{range .Components}}{{.Name}}: {{.Version}}\\n{{end}}'",
	OPTIONS(struct version_options, options), .max_args = 0, .run = run,
};
