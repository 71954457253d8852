#include "carrier.h"
#include "cleanup.h"
#include "container/explain_path.h"
#include "log.h"
#include "mem.h"
#include <limits.h>
#include <string.h>

int carrier_fail(const struct error *err)
{
	cleanup_free char *why = explain_sentence(err->text);
	cleanup_free char *text = xasprintf("%s%s%s", err->text, why ? "; " : "", why ? why : "");
	if (log_is_json())
		log_write(LOG_LEVEL_ERROR, text);
	else
		fprintf(stderr, "carrier: %s\n", text);
	return EXIT_CARRIER;
}

/* A program beside ours wins, so that a build tree uses its own parts even where another version is installed. */
char *carrier_helper(const char *name, struct error *err)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n > 0) {
		self[n] = 0;
		*strrchr(self, '/') = 0;
		cleanup_free char *beside = xasprintf("%s/%s", self, name);
		if (access(beside, X_OK) == 0)
			return take_ptr(beside);
		cleanup_free char *built = xasprintf("%s/../%s/%s", self, name, name);
		if (access(built, X_OK) == 0)
			return take_ptr(built);
	}
	static const char *const places[] = { LIBEXECDIR, BINDIR };
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		cleanup_free char *path = xasprintf("%s/%s", places[i], name);
		if (access(path, X_OK) == 0)
			return take_ptr(path);
	}
	error_say(err, ENOENT, "'%s' is not beside carrier, nor in " LIBEXECDIR " or " BINDIR ": is the installation complete?", name);
	return NULL;
}
