/* hooksdir.h - --hooks-dir: which OCI hooks a container gets, by files that say when.
 *
 * Each *.json of a directory is a document of version 1.0.0: "hook" (path, args, env, timeout), "when" (always, annotations, commands,
 * hasBindMounts) and "stages" (prestart, createRuntime, createContainer, startContainer, poststart, poststop). They are sorted by name over all
 * directories; one in a later directory replaces one of the same name in an earlier. oci-hooks(5)
 */
#pragma once
#include "error.h"
#include "runtime_spec.h"
#include <stdbool.h>

/* hooksdir_check - can the directory be read, and is every document in it right? */
int hooksdir_check(const char *dir, struct error *err);
/* hooksdir_to_spec - add those that match @s (its annotations and its command) to ->hooks. @binds: has it bind mounts? */
int hooksdir_to_spec(char *const *dirs, bool binds, struct pool *pool, struct runtime_spec *s, struct error *err);

/* ---- pure ---- */

struct hook_document {
	char *version;
	struct spec_hook *hook;
	struct hook_when { bool *always, *has_bind_mounts; struct json_map annotations; char **commands; } when;
	char **stages;
};
/* hook_document_parse - @name: for the sentence */
int hook_document_parse(const char *name, const char *text, size_t len, struct pool *pool, struct hook_document **ret, struct error *err);
/* hook_document_matches - all conditions that are given hold, and one is given at least */
bool hook_document_matches(const struct hook_document *d, const char *command, const struct json_map *annotations, bool binds);
