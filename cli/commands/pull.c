#include "../carrier.h"
#include "../image/acquire.h"
#include "../image/session.h"
#include "../image/tags.h"
#include "../words.h"
#include "cleanup.h"

enum { INTERRUPTED = 130 };

struct pull_command_options {
	bool quiet, all_tags;
	char *platform, *policy, *progress, *retry_delay;
	int64_t retry;
	struct registry_options registry;
};
static const struct pull_command_options defaults = {
	.registry = REGISTRY_OPTIONS_DEFAULT, .policy = (char *) "always", .progress = (char *) "auto", .retry_delay = (char *) "2s",
};

static const struct option_def options[] = {
	OPTION(struct pull_command_options, policy, 0, "policy", "always|missing|newer|never", "when to ask the registry (default: always)"),
	OPTION(struct pull_command_options, all_tags, 'a', "all-tags", NULL, "every tag of the repository"),
	OPTION(struct pull_command_options, platform, 0, "platform", "OS/ARCH[/VARIANT]",
	       "take the image for this platform instead of this machine's"),
	OPTION(struct pull_command_options, progress, 0, "progress", "auto|tty|plain|json|none", "what is shown on stderr meanwhile"),
	OPTION(struct pull_command_options, quiet, 'q', "quiet", NULL, "print the image's id only, as --progress none"),
	OPTION(struct pull_command_options, retry, 0, "retry", "N", "begin again so many times when a transfer breaks off for good (default: 0)"),
	OPTION(struct pull_command_options, retry_delay, 0, "retry-delay", "DURATION", "wait so long before that: 500ms, 2s, 1m (default: 2s)"),
	REGISTRY_OPTION_ROWS(struct pull_command_options, registry),
};

static int read_options(const struct pull_command_options *o, struct pull_options *p, enum pull_policy *policy, struct error *err)
{
	*p = (struct pull_options) { .platform = o->platform, .registry = &o->registry, .retries = o->retry };
	int r = pull_policy_parse(o->policy, policy, err);
	if (r == 0)
		r = progress_mode_parse(o->progress, &p->progress, err);
	if (r == 0 && o->quiet)
		p->progress = PROGRESS_NONE;
	if (r == 0)
		r = words_milliseconds(o->retry_delay, &p->retry_delay_ms);
	if (r == -EINVAL && !err->code)
		error_say(err, EINVAL, "--retry-delay: a time such as 500ms, 2s or 1m, not '%s'", o->retry_delay);
	if (r == 0 && (o->retry < 0 || o->retry > 100))
		r = error_say(err, EINVAL, "--retry: 0 to 100, not %lld", (long long) o->retry);
	return r;
}

/* list_tags - of the first repository that the name may mean and that has some */
static int list_tags(const char *name, const struct pull_options *p, struct strings *ret, struct error *err)
{
	struct session *session cleanup_session = NULL;
	struct reference *refs;
	size_t n = 0;
	int r = session_open(p->registry, "pull", &session, err);
	if (r == 0)
		r = session_resolve(session, name, &refs, &n, err);
	if (r == 0)
		r = session_choose(session, name, &refs, &n, err);
	bool found = false;
	for (size_t i = 0; r == 0 && i < n && !found; i++) {
		struct strings tags cleanup_strings = { 0 };
		int got = session_prepare(session, &refs[i], err);
		if (got == 0)
			got = tags_list(session, &refs[i], &tags, err);
		found = got == 0 && tags.n > 0;
		for (size_t k = 0; got == 0 && k < tags.n; k++)
			strings_printf(ret, "%s/%s:%s", refs[i].registry, refs[i].path, tags.v[k]);
		if (got < 0 && i + 1 == n)
			r = got;
	}
	return r < 0 || found ? r : error_say(err, ENOENT, "repository %s has no tags", name);
}

/* add_tags - every tag of the repository @name, as names of images */
static int add_tags(const char *name, const struct pull_options *p, struct strings *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct reference ref;
	int r = reference_parse(name, &pool, &ref, err);
	if (r == 0 && (ref.digest || str_ends(name, pool_printf(&pool, ":%s", ref.tag))))
		r = error_say(err, EINVAL, "--all-tags takes a repository without a tag or digest, not '%s'", name);
	return r < 0 ? r : list_tags(name, p, ret, err);
}

static int pull_one(const struct carrier *c, const struct store *s, const char *name, enum pull_policy policy, const struct pull_options *p,
		    struct error *err)
{
	struct image image cleanup_image = { 0 };
	int r = image_acquire(c, s, name, policy, p, &image, err);
	if (r == 0)
		puts(digest_hex(image.config_digest));
	fflush(stdout);
	return r;
}

/* pull_all - one that fails does not keep the others from being pulled. Return: the exit code */
static int pull_all(const struct carrier *c, const struct store *s, const struct strings *names, enum pull_policy policy,
		    const struct pull_options *p)
{
	int code = 0;
	for (size_t i = 0; i < names->n; i++) {
		struct error err = { 0 };
		int r = pull_one(c, s, names->v[i], policy, p, &err);
		if (r < 0)
			code = carrier_fail(&err);
		if (r == -EINTR)
			return INTERRUPTED;
	}
	return code;
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct carrier *c = program;
	struct pull_command_options *o = given;
	struct error err = { 0 };
	struct store s cleanup_store = STORE_INIT;
	struct strings names cleanup_strings = { 0 };
	struct pull_options p;
	enum pull_policy policy;
	int r = read_options(o, &p, &policy, &err);
	for (int i = 0; r == 0 && i < n_args; i++) {
		if (o->all_tags)
			r = add_tags(args[i], &p, &names, &err);
		else
			strings_add(&names, args[i]);
	}
	if (r == 0)
		r = store_open(c->root, &s, &err);
	return r < 0 ? carrier_fail(&err) : pull_all(c, &s, &names, policy, &p);
}

const struct command command_pull = {
	.name = "pull|p|get|download", .section = "Images", .arguments = "IMAGE...", .summary = "fetch images from a registry",
	.description =
		"All layers are received, verified and unpacked at the same time, and the id of each image is printed. What breaks off goes on "
		"the next time: layers that were finished are kept, and of the others the part that has arrived, for seven days.\n\n"
		"--policy says when the registry is asked: `always`; `missing`, when the image is not in the store, or not for the platform that "
		"--platform names; `newer`, always, but the image in the store will do when the registry does not answer; `never`.\n\n"
		"--platform never takes another platform than the one that is named; of variants it takes the best that the one named can run "
		"(for linux/arm/v7 also v6 and v5).\n\n"
		"On a terminal --progress shows a bar for each layer and the total. `plain` is a line for each change, and one every ten "
		"seconds for a layer that takes longer; `json` is one object a line with id, state, current and total.\n\n"
		"Before the first layer is fetched the disk must have room for all of them, and for as much again that they unpack to. A layer "
		"is refused that has more than 4,194,304 entries, unpacks to more than 64 GiB, or to more than 4 GiB and 200 times its size.\n\n"
		"Registries that are mirrored, insecure, blocked or meant by a short name are those of registries.conf, see "
		"containers-registries.conf(5); without it a short name is docker.io's. Credentials are --creds or those of "
		"carrier-login(1). Both are read, and credential helpers executed, by carrier itself; what carrier-fetch may read, which "
		"talks to the registry, is listed in carrier(1). Proxies are those of https_proxy, http_proxy, all_proxy and no_proxy.\n\n"
		"Example:\n\n"
		"\tcarrier pull debian:12 quay.io/prometheus/busybox\n"
		"\tcarrier pull --all-tags --platform linux/arm64 registry.example/team/app\n",
	.examples = "A new version of an image:\n\tcarrier pull debian:12\n\n"
		    "For another processor, with few words:\n\tcarrier pull -q --platform linux/arm64 debian:12\n\n"
		    "From a registry without certificates:\n\tcarrier pull --tls-verify=false 127.0.0.1:5000/app",
	.exit_status = "0, 125 when an image could not be fetched (the others are), 130 when a signal ended it.",
	OPTIONS(struct pull_command_options, options), .defaults = &defaults, .min_args = 1, .max_args = -1, .run = run,
};
