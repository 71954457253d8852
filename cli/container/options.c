#include "options.h"
#include "../image/store.h"
#include "../pairs.h"
#include "cleanup.h"
#include "envfile.h"
#include "explain_path.h"
#include "fs.h"
#include "lists.h"
#include "proc.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#define ROW(member, letter, name, value, help) OPTION(struct run_options, member, letter, name, value, help)

const struct option_def run_option_table[] = {
	ROW(detach, 'd', "detach", NULL, "run in the background and print the id"),
	LIFE_RUN_OPTION_ROWS(struct run_options, life),
	ROW(interactive, 'i', "interactive", NULL, "keep standard input open"),
	ROW(tty, 't', "tty", NULL, "give the container a terminal"),
	ROW(remove, 0, "rm", NULL, "remove the container when it has ended"),
	ROW(name, 0, "name", "NAME", "give the container this name (default: one is made)"),
	ROW(hostname, 0, "hostname", "NAME", "host name inside (default: the first 12 digits of the id)"),
	ROW(env, 'e', "env", "NAME[=VALUE]", "set a variable, or pass on the caller's; again for more"),
	ROW(env_files, 0, "env-file", "FILE", "variables from a file, one a line; --env counts more; again for more"),
	ROW(workdir, 'w', "workdir", "DIR", "start in this directory of the container"),
	ROW(user, 'u', "user", "USER[:GROUP]", "run as this user, by name or number"),
	ROW(entrypoint, 0, "entrypoint", "PROGRAM", "replace the image's entry point (\"\": none) and its command"),
	ROW(labels, 'l', "label", "NAME[=VALUE]", "attach a label; again for more"),
	ROW(label_files, 0, "label-file", "FILE", "labels from a file, one a line; --label counts more; again for more"),
	MOUNTS_OPTION_ROWS(struct run_options, mounts),
	ROW(read_only, 0, "read-only", NULL, "mount the root file system read-only"),
	ROW(rootfs, 'f', "rootfs|fsroot", "DIR", "run in this directory in place of an image"),
	NETWORK_OPTION_ROWS(struct run_options, network),
	ROW(add_hosts, 0, "add-host", "NAME:ADDRESS", "a line for /etc/hosts; \"host-gateway\" is the host's address"),
	ROW(dns, 0, "dns", "ADDRESS", "ask this name server; again for more"),
	ROW(dns_search, 0, "dns-search", "DOMAIN", "look for short names in this domain (\".\": in none); again for more"),
	ROW(dns_options, 0, "dns-option|dns-opt", "OPTION", "an option of resolv.conf, such as ndots:2; again for more"),
	LIMIT_OPTION_ROWS(struct run_options, limits),
	PRIVILEGE_OPTION_ROWS(struct run_options, privileges),
	DEVICE_OPTION_ROWS(struct run_options, devices),
	NAMESPACE_OPTION_ROWS(struct run_options, namespaces),
	PROCESS_OPTION_ROWS(struct run_options, process),
	ROW(stop_signal, 0, "stop-signal", "SIGNAL", "what `stop` sends (default: the image's, else TERM)"),
	ROW(stop_timeout, 0, "stop-timeout", "SECONDS", "how long `stop` waits before it kills (default: 10; -1: for ever)"),
	LIFE_OPTION_ROWS(struct run_options, life),
	ROW(pull, 0, "pull", "always|missing|newer|never", "when to pull the image (default: missing)"),
	ROW(platform, 0, "platform", "OS/ARCH[/VARIANT]", "of which platform the image is to be"),
	REGISTRY_OPTION_ROWS(struct run_options, registry),
	USERS_OPTION_ROWS(struct run_options, users),
	ROW(cidfile, 0, "cidfile", "FILE", "write the id to FILE, which must not exist"),
	ROW(pidfile, 0, "pidfile", "FILE", "write the pid of the container's process to FILE"),
	ROW(quiet, 'q', "quiet", NULL, "no progress while pulling"),
};
_Static_assert(sizeof run_option_table / sizeof *run_option_table == RUN_OPTIONS, "options.h says how many rows there are");

enum { STOP_TIMEOUT = 10, HOSTNAME_MAX = 64 };

const struct run_options run_option_defaults = { .registry = REGISTRY_OPTIONS_DEFAULT, .life = LIFE_OPTIONS_DEFAULT,
	.stop_timeout = STOP_TIMEOUT, .limits = LIMIT_OPTIONS_DEFAULT, .process = PROCESS_OPTIONS_DEFAULT };

/* what the image says; without one nothing */
static const struct image_settings nothing;
static const struct image_settings *settings_of(const struct image *image)
{
	return image && image->config ? &image->config->config : &nothing;
}

static char *dup_or_null(struct pool *pool, const char *s) { return str_empty(s) ? NULL : pool_strdup(pool, s); }

/* ---- the command ---- */

/* make_args - ENTRYPOINT and CMD as docker: arguments replace CMD, --entrypoint replaces both, "" clears */
static int make_args(const struct run_options *o, const struct image *image, char *const *given, struct pool *pool,
		     struct record *ret, struct error *err)
{
	const struct image_settings *s = settings_of(image);
	char *own[] = { o->entrypoint, NULL };
	char *const *entrypoint = !o->entrypoint ? s->entrypoint : *o->entrypoint ? own : NULL;
	char *const *command = given && *given ? given : o->entrypoint ? NULL : s->cmd;
	ret->args = list_copy(pool, entrypoint, command);
	if (ret->args[0] && !*ret->args[0])
		return error_say(err, EINVAL, "the command is an empty word; give the name of a program");
	if (ret->args[0])
		return 0;
	return image ? error_say(err, EINVAL, "there is no command: %s; give one behind the image",
				 o->entrypoint ? "--entrypoint clears the image's" : "the image has neither ENTRYPOINT nor CMD") :
		       error_say(err, EINVAL, "there is no command; a directory has none of its own, so give one");
}

/* ---- environment ---- */

static void env_remove(struct strings *l, const char *name)
{
	size_t len = strlen(name), kept = 0;
	for (size_t i = 0; i < l->n; i++) {
		if (strncmp(l->v[i], name, len) == 0 && l->v[i][len] == '=')
			free(l->v[i]);
		else
			l->v[kept++] = l->v[i];
	}
	l->n = kept;
	if (l->v)
		l->v[kept] = NULL;
}

/* set_given - NAME=VALUE; NAME takes the caller's value, and takes the image's away when the caller has none (docker) */
static int set_given(struct strings *env, const char *word, struct error *err)
{
	if (!*word || *word == '=')
		return error_say(err, EINVAL, "--env '%s': there is no name; give NAME=VALUE, or NAME for your own value", word);
	if (strchr(word, '=')) {
		env_set(env, word);
		return 0;
	}
	const char *value = getenv(word);
	if (!value) {
		env_remove(env, word);
		return 0;
	}
	cleanup_free char *text = xasprintf("%s=%s", word, value);
	env_set(env, text);
	return 0;
}

static int make_env(const struct run_options *o, const struct image *image, struct pool *pool, struct record *ret,
		    struct error *err)
{
	struct strings env cleanup_strings = { 0 };
	strings_add(&env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	if (o->tty)
		strings_add(&env, "TERM=xterm");
	for (char **v = settings_of(image)->env; v && *v; v++)
		if (strchr(*v, '='))
			env_set(&env, *v);
	struct strings given cleanup_strings = { 0 };
	int r = 0;
	for (size_t i = 0; r == 0 && i < o->env_files.n; i++)
		r = envfile_read("--env-file", o->env_files.v[i], &given, err);
	for (size_t i = 0; i < o->env.n; i++)
		strings_add(&given, o->env.v[i]);
	for (size_t i = 0; r == 0 && i < given.n; i++)
		r = set_given(&env, given.v[i], err);
	ret->env = list_copy(pool, env.v, NULL);
	return r;
}

/* ---- names ---- */

static int check_hostname(const char *name, struct error *err)
{
	size_t len = name ? strlen(name) : 1;
	bool good = len > 0 && len <= HOSTNAME_MAX && (!name || (name[0] != '-' && name[0] != '.'));
	for (const char *c = name; good && c && *c; c++)
		good = isalnum((unsigned char) *c) || strchr("-._", *c);
	return good ? 0 : error_say(err, EINVAL, "--hostname '%s': not a host name; up to %d letters, digits, '-', '_' and '.'", name,
				    HOSTNAME_MAX);
}

static int make_process(const struct run_options *o, const struct image *image, struct pool *pool, struct record *ret,
			struct error *err)
{
	const struct image_settings *s = settings_of(image);
	const char *workdir = o->workdir ? o->workdir : str_empty(s->working_dir) ? "/" : s->working_dir;
	if (o->workdir && *workdir != '/')
		return error_say(err, EINVAL, "--workdir '%s': give an absolute path", workdir);
	/* an image's may be relative in docker's old ones; cleaning makes it absolute */
	cleanup_free char *clean = fs_clean_path(workdir);
	ret->workdir = pool_strdup(pool, clean);
	ret->user = dup_or_null(pool, o->user ? o->user : s->user);
	ret->stop_signal = dup_or_null(pool, o->stop_signal ? o->stop_signal : s->stop_signal);
	if (o->stop_signal && signal_parse(o->stop_signal) < 0)
		return error_say(err, EINVAL, "--stop-signal '%s': no such signal; give a name like TERM, or a number", o->stop_signal);
	if (o->stop_timeout < -1)
		return error_say(err, EINVAL, "--stop-timeout: give a number of seconds, or -1 to wait for ever");
	ret->stop_timeout = o->stop_timeout;
	ret->hostname = o->hostname ? pool_strdup(pool, o->hostname) : NULL;
	return check_hostname(o->hostname, err);
}

static int make_labels(const struct run_options *o, const struct image *image, struct pool *pool, struct record *ret,
		       struct error *err)
{
	const struct json_map *of_image = &settings_of(image)->labels;
	struct strings given cleanup_strings = { 0 };
	for (size_t i = 0; i < o->label_files.n; i++) {
		int r = envfile_read("--label-file", o->label_files.v[i], &given, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < o->labels.n; i++)
		strings_add(&given, o->labels.v[i]);
	for (size_t i = 0; i < of_image->n; i++)
		pairs_set(&ret->labels, pool, of_image->pairs[i].key, strlen(of_image->pairs[i].key),
			  of_image->pairs[i].value ? of_image->pairs[i].value : "");
	return pairs_parse("--label", &given, false, pool, &ret->labels, err);
}

/* ---- names in the network ---- */

static int check_address(const char *option, const char *address, struct error *err)
{
	unsigned char bytes[sizeof(struct in6_addr)];
	if (inet_pton(AF_INET, address, bytes) == 1 || inet_pton(AF_INET6, address, bytes) == 1)
		return 0;
	return error_say(err, EINVAL, "%s: '%s' is not an address", option, address);
}

/* parse_host - NAME:ADDRESS or NAME=ADDRESS, an IPv6 address with or without brackets */
static int parse_host(const char *word, struct strings *hosts, struct error *err)
{
	size_t len = strcspn(word, ":=");
	if (len == 0 || !word[len] || strcspn(word, " \t\n") < len)
		return error_say(err, EINVAL, "--add-host '%s': give NAME:ADDRESS", word);
	cleanup_free char *address = xstrdup(word + len + 1);
	size_t n = strlen(address);
	char *bare = address;
	if (n > 1 && address[0] == '[' && address[n - 1] == ']') {
		address[n - 1] = 0;
		bare++;
	}
	int r = strcmp(bare, "host-gateway") == 0 ? 0 : check_address("--add-host", bare, err);
	if (r == 0)
		strings_printf(hosts, "%.*s %s", (int) len, word, bare);
	return r;
}

/* check_line - a word of resolv.conf */
static int check_line(const char *option, const char *word, struct error *err)
{
	return *word && !word[strcspn(word, " \t\n")] ? 0 : error_say(err, EINVAL, "%s '%s': give one word", option, word);
}

static int make_names(const struct run_options *o, struct pool *pool, struct record_settings *settings, struct error *err)
{
	struct strings hosts cleanup_strings = { 0 };
	int r = 0;
	for (size_t i = 0; r == 0 && i < o->dns.n; i++)
		r = check_address("--dns", o->dns.v[i], err);
	for (size_t i = 0; r == 0 && i < o->add_hosts.n; i++)
		r = parse_host(o->add_hosts.v[i], &hosts, err);
	for (size_t i = 0; r == 0 && i < o->dns_search.n; i++)
		r = check_line("--dns-search", o->dns_search.v[i], err);
	for (size_t i = 0; r == 0 && i < o->dns_options.n; i++)
		r = check_line("--dns-option", o->dns_options.v[i], err);
	settings->dns_search = o->dns_search.n ? list_copy(pool, o->dns_search.v, NULL) : NULL;
	settings->dns_options = o->dns_options.n ? list_copy(pool, o->dns_options.v, NULL) : NULL;
	settings->dns = o->dns.n ? list_copy(pool, o->dns.v, NULL) : NULL;
	settings->hosts = hosts.n ? list_copy(pool, hosts.v, NULL) : NULL;
	return r;
}

/* ---- files ---- */

static int make_rootfs(const struct run_options *o, struct pool *pool, struct record *ret, struct error *err)
{
	struct stat st;
	cleanup_free char *path = NULL;
	if (!o->rootfs)
		return 0;
	if (stat(o->rootfs, &st) < 0)
		return error_set(err, errno, "--rootfs '%s'", o->rootfs), explain_path(o->rootfs, 0, err);
	if (!S_ISDIR(st.st_mode))
		return error_say(err, ENOTDIR, "--rootfs '%s': not a directory", o->rootfs);
	int r = fs_absolute(o->rootfs, &path, err);
	if (r == 0)
		ret->rootfs = pool_strdup(pool, path);
	return r;
}

int options_to_record(const struct run_options *o, const struct image *image, char *const *args, struct pool *pool,
		      struct record *ret, struct error *err)
{
	struct record record = *ret;
	struct record_settings settings = { 0 };
	record.tty = o->tty;
	record.interactive = o->interactive;
	record.remove = o->remove;
	record.detached = o->detach;
	record.read_only = o->read_only;
	if (image) {
		record.image_id = dup_or_null(pool, image->config_digest);
		record.manifest = dup_or_null(pool, image->manifest_digest);
	}
	int r = make_rootfs(o, pool, &record, err);
	r = r < 0 ? r : make_args(o, image, args, pool, &record, err);
	r = r < 0 ? r : make_env(o, image, pool, &record, err);
	r = r < 0 ? r : make_process(o, image, pool, &record, err);
	r = r < 0 ? r : make_labels(o, image, pool, &record, err);
	r = r < 0 ? r : limits_to_record(&o->limits, pool, &record, err);
	r = r < 0 ? r : network_to_record(&o->network, settings_of(image)->exposed_ports, pool, &record.network, &record.networking, err);
	r = r < 0 ? r : make_names(o, pool, &settings, err);
	r = r < 0 ? r : privileges_to_record(&o->privileges, pool, &settings, err);
	r = r < 0 ? r : devices_to_record(&o->devices, pool, &record.devices, err);
	r = r < 0 ? r : namespaces_to_record(&o->namespaces, o->hostname, pool, &record.namespaces, err);
	r = r < 0 ? r : process_to_record(&o->process, !network_is_own(record.network), pool, &record, err);
	r = r < 0 ? r : mounts_to_record(&o->mounts, pool, &record, err);
	r = r < 0 ? r : life_to_record(o, settings_of(image)->healthcheck, pool, &record.life, err);
	r = r < 0 ? r : users_to_record(&o->users, o->user != NULL, pool, &record, err);
	if (r < 0)
		return r;
	*ret = record;
	ret->settings = settings;
	return 0;
}
