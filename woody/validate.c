#include "validate.h"
#include "str.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* 1.0.0 to 1.x, with or without a suffix ("1.0.2-dev") */
static bool version_known(const char *v)
{
	char *end;
	if (strtoul(v, &end, 10) != 1 || end == v || *end != '.')
		return false;
	const char *minor = end + 1;
	(void) strtoul(minor, &end, 10);
	if (end == minor || *end != '.')
		return false;
	const char *patch = end + 1;
	(void) strtoul(patch, &end, 10);
	return end != patch && (*end == 0 || *end == '-' || *end == '+');
}

int validate_process(const struct spec_process *p, struct error *err)
{
	if (str_empty(p->cwd) || p->cwd[0] != '/')
		return error_say(err, EINVAL, "process.cwd: Cwd must be an absolute path, not '%s'", p->cwd ? p->cwd : "");
	if (!p->args || !p->args[0])
		return error_say(err, EINVAL, "process.args: at least the program is needed");
	for (size_t i = 0; i < p->n_rlimits; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(p->rlimits[i].type, p->rlimits[j].type) == 0)
				return error_say(err, EINVAL, "process.rlimits: %s is given twice", p->rlimits[i].type);
	return 0;
}

static int check_hooks(const char *kind, const struct spec_hook *hooks, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		if (hooks[i].path[0] != '/')
			return error_say(err, EINVAL, "hooks.%s[%zu].path: '%s' is not absolute", kind, i, hooks[i].path);
		if (hooks[i].timeout && *hooks[i].timeout <= 0)
			return error_say(err, EINVAL, "hooks.%s[%zu].timeout: must be greater than zero", kind, i);
	}
	return 0;
}

static int check_maps(const char *member, const struct spec_id_mapping *m, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		if (m[i].size == 0)
			return error_say(err, EINVAL, "linux.%s[%zu].size: must be greater than zero", member, i);
		for (size_t j = 0; j < i; j++)
			if (m[i].container_id < (uint64_t) m[j].container_id + m[j].size &&
			    m[j].container_id < (uint64_t) m[i].container_id + m[i].size)
				return error_say(err, EINVAL, "linux.%s[%zu] overlaps with [%zu]", member, i, j);
	}
	return 0;
}

static bool has_namespace(const struct spec_linux *l, const char *type)
{
	for (size_t i = 0; l && i < l->n_namespaces; i++)
		if (strcmp(l->namespaces[i].type, type) == 0)
			return true;
	return false;
}

int validate_spec(const struct runtime_spec *spec, struct error *err)
{
	if (!version_known(spec->oci_version))
		return error_say(err, EINVAL, "ociVersion: '%s' is not a version from 1.0.0 on that is known here", spec->oci_version);
	if (!spec->root || str_empty(spec->root->path))
		return error_say(err, EINVAL, "root.path: missing");
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (str_empty(spec->mounts[i].destination))
			return error_say(err, EINVAL, "mounts[%zu].destination: empty", i);

	int r = spec->process ? validate_process(spec->process, err) : 0;
	const struct spec_hooks *h = spec->hooks;
	if (r == 0 && h) {
		const struct { const char *kind; const struct spec_hook *hooks; size_t n; } kinds[] = {
			{ "prestart", h->prestart, h->n_prestart },
			{ "createRuntime", h->create_runtime, h->n_create_runtime },
			{ "createContainer", h->create_container, h->n_create_container },
			{ "startContainer", h->start_container, h->n_start_container },
			{ "poststart", h->poststart, h->n_poststart },
			{ "poststop", h->poststop, h->n_poststop },
		};
		for (size_t k = 0; r == 0 && k < sizeof kinds / sizeof *kinds; k++)
			r = check_hooks(kinds[k].kind, kinds[k].hooks, kinds[k].n, err);
	}
	const struct spec_linux *l = spec->linux_;
	if (r == 0 && (spec->hostname || spec->domainname) && !has_namespace(l, "uts"))
		r = error_say(err, EINVAL, "%s: needs a uts namespace, or it would be the host's that changes",
			      spec->hostname ? "hostname" : "domainname");
	if (r == 0 && l)
		r = check_maps("uidMappings", l->uid_mappings, l->n_uid_mappings, err);
	if (r == 0 && l)
		r = check_maps("gidMappings", l->gid_mappings, l->n_gid_mappings, err);
	return r;
}
