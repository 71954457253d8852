#include "annotations.h"
#include <string.h>

const char *annotation_get(const struct runtime_spec *spec, const char *name)
{
	const char *value = NULL;
	for (size_t i = 0; i < spec->annotations.n; i++)
		if (strcmp(spec->annotations.pairs[i].key, name) == 0)
			value = spec->annotations.pairs[i].value;
	return value;
}

bool annotation_on(const struct runtime_spec *spec, const char *name)
{
	const char *value = annotation_get(spec, name);
	return value && strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
}

int annotations_check(const struct runtime_spec *spec, struct error *err)
{
	const char *variant = annotation_get(spec, ANNOTATION_WASM);
	if (variant)
		return error_say(err, ENOTSUP, "annotation " ANNOTATION_WASM "=%s: the image is WebAssembly, which woody does not execute; "
				 "use a runtime that was built with a WebAssembly engine", variant);
	return 0;
}

const char *const *annotations_unsafe(void)
{
	static const char *const names[] = {
		ANNOTATION_HOOKS_STDOUT, ANNOTATION_HOOKS_STDERR, ANNOTATION_KEEP_GROUPS, ANNOTATION_SECCOMP_RECEIVER, ANNOTATION_CRIU, NULL,
	};
	return names;
}
