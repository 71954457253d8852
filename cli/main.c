#include "carrier.h"
#include "container/rootfs.h"
#include "image/store.h"
#include "cleanup.h"
#include "fs.h"
#include "idmap.h"
#include "log.h"
#include "mem.h"
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>

static const struct option_def options[] = {
	OPTION(struct carrier, root_option, 0, "root", "DIR",
	       "keep images and containers here (default: /var/lib/carrier, rootless ~/.local/share/carrier)"),
	OPTION(struct carrier, runroot_option, 0, "runroot", "DIR",
	       "keep what a reboot may forget here (default: /run/carrier, rootless $XDG_RUNTIME_DIR/carrier)"),
	OPTION(struct carrier, runtime, 0, "runtime", "PROGRAM", "execute this OCI runtime instead of woody: a path or a name in PATH"),
	OPTION(struct carrier, cgroup_manager, 0, "cgroup-manager", "NAME", "cgroupfs (the default), systemd or disabled"),
	OPTION(struct carrier, storage_driver, 0, "storage-driver", "NAME",
	       "how a container's files are put together: auto (the default: the first that this machine has), overlay, fuse-overlayfs "
	       "or copy"),
	OPTION(struct carrier, additional_stores, 0, "additional-store", "DIR",
	       "another --root, read and never written: what is not in ours is looked for there; again for more"),
	OPTION(struct carrier, log_level, 0, "log-level", "LEVEL", "error, warn (the default), info or debug"),
	OPTION(struct carrier, log_format, 0, "log-format", "FORMAT", "text (the default) or json"),
	OPTION(struct carrier, verbose, 0, "verbose", NULL, "the same as --log-level info"),
};

static const struct command *const commands[] = {
	&command_run,
	&command_create,
	&command_start,
	&command_attach,
	&command_exec,
	&command_shell,
	&command_terminal,
	&command_ps,
	&command_logs,
	&command_stop,
	&command_restart,
	&command_kill,
	&command_pause,
	&command_unpause,
	&command_rename,
	&command_clone,
	&command_checkpoint,
	&command_restore,
	&command_wait,
	&command_rm,
	&command_destroy,
	&command_prune,
	&command_update,
	&command_inspect,
	&command_top,
	&command_port,
	&command_stats,
	&command_metrics,
	&command_cp,
	&command_diff,
	&command_export,
	&command_commit,
	&command_healthcheck,
	&command_boot,
	&command_container,

	&command_pull,
	&command_push,
	&command_images,
	&command_rmi,
	&command_save,
	&command_load,
	&command_import,
	&command_snapshot,
	&command_tag,
	&command_untag,
	&command_history,
	&command_image,
	&command_manifest,

	&command_volume,
	&command_secret,

	&command_network,

	&command_login,
	&command_logout,
	&command_search,

	&command_events,
	&command_unshare,
	&command_generate,

	&command_info,
	&command_system,
	&command_doctor,
	&command_version,
	&command_completion,
	NULL,
};

static int usage(const char *text, const char *value)
{
	fprintf(stderr, "carrier: %s '%s'\n", text, value);
	return EXIT_CARRIER;
}

static int open_log(const struct carrier *c)
{
	enum log_level level = c->verbose ? LOG_LEVEL_INFO : LOG_LEVEL_WARN;
	if (c->log_level && log_level_parse(c->log_level, &level) < 0)
		return usage("--log-level: error, warn, info or debug, not", c->log_level);
	bool json = c->log_format && strcmp(c->log_format, "json") == 0;
	if (c->log_format && !json && strcmp(c->log_format, "text") != 0)
		return usage("--log-format: text or json, not", c->log_format);
	log_open(STDERR_FILENO, json ? LOG_FORMAT_JSON : LOG_FORMAT_PLAIN, level, "carrier");
	return 0;
}

/* default_runroot - without a runtime directory of the session, one below /tmp that is verified to be ours */
static char *default_runroot(void)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	if (!str_empty(dir) && access(dir, W_OK) == 0)
		return xasprintf("%s/carrier", dir);
	return xasprintf("/tmp/carrier-%u", (unsigned) getuid());
}

static int find_places(struct carrier *c)
{
	/* root without CAP_SYS_ADMIN is root of somebody's container, even where no user namespace says so */
	c->nested = geteuid() == 0 && (!idmap_is_initial(-1) || prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) == 0);
	c->rootless = geteuid() != 0 || c->nested;
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	cleanup_free char *root = NULL, *runroot = NULL;
	if (!c->rootless) {
		root = xstrdup("/var/lib/carrier");
		runroot = xstrdup("/run/carrier");
	} else {
		if (!c->root_option && str_empty(data) && str_empty(home))
			return usage("neither HOME nor XDG_DATA_HOME is set: give a directory with", "--root");
		root = str_empty(data) ? xasprintf("%s/.local/share/carrier", home ? home : "") : xasprintf("%s/carrier", data);
		runroot = default_runroot();
	}
	struct error err = { 0 };
	if (fs_absolute(c->root_option ? c->root_option : root, &c->root, &err) < 0 ||
	    fs_absolute(c->runroot_option ? c->runroot_option : c->root_option ? c->root_option : runroot, &c->runroot, &err) < 0)
		return carrier_fail(&err);
	if (c->root_option && !c->runroot_option) {	/* one directory given holds everything */
		free(c->runroot);
		c->runroot = xasprintf("%s/run", c->root);
	}
	return 0;
}

static int check_driver(const struct carrier *c)
{
	enum storage_driver d;
	struct error err = { 0 };
	return c->storage_driver && storage_driver_parse(c->storage_driver, &d, &err) < 0 ? carrier_fail(&err) : 0;
}

/* check_manager - before anything is made: an OCI runtime has not much to say about a word it does not know */
static int check_manager(const struct carrier *c)
{
	bool known = !c->cgroup_manager || str_eq(c->cgroup_manager, "cgroupfs") || str_eq(c->cgroup_manager, "systemd") ||
		     str_eq(c->cgroup_manager, "disabled");
	return known ? 0 : usage("--cgroup-manager: cgroupfs, systemd or disabled, not", c->cgroup_manager);
}

/* name_stores - the option's go to the environment, where store_open() finds them, and so do our own children */
static int name_stores(const struct carrier *c)
{
	struct buf list cleanup_buf = { 0 };
	if (c->additional_stores.n == 0)
		return 0;
	for (size_t i = 0; i < c->additional_stores.n; i++) {
		cleanup_free char *dir = NULL;
		struct error err = { 0 };
		if (fs_absolute(c->additional_stores.v[i], &dir, &err) < 0)
			return carrier_fail(&err);
		if (strchr(dir, ':'))
			return usage("--additional-store: a directory without a colon in its name, not", dir);
		buf_printf(&list, "%s%s", i ? ":" : "", dir);
	}
	(void) setenv(STORE_ADDITIONAL, list.data, 1);
	return 0;
}

static int prepare(void *program, void *unused)
{
	struct carrier *c = program;
	(void) unused;
	int r = open_log(c);
	if (r == 0)
		r = find_places(c);
	if (r == 0)
		r = check_driver(c);
	if (r == 0)
		r = check_manager(c);
	return r ? r : name_stores(c);
}

/* where the words come from that stand for something in the synopses; `carrier completion` prints them */
static const struct completer completers[] = {
	{ "CONTAINER", "completion running", "exec|sh|stop|kill|pause|unpause|attach|top|stats|port|checkpoint|healthcheck run|"
	  "container exec|container stop" },
	{ "CONTAINER", "completion stopped", "start|restore" },
	{ "CONTAINER", "completion containers", NULL },
	{ "CONTAINER|IMAGE", "completion containers images", NULL },
	{ "NAME", "completion containers images", "inspect" },
	{ "NAME", "completion images", "manifest inspect" },
	{ "IMAGE", "completion images", NULL },
	{ "REPOSITORY", "completion images", NULL },
	{ "LIST", "completion images", NULL },
	{ "VOLUME", "completion volumes", NULL },
	{ "SECRET", "completion secrets", NULL },
	{ "NETWORK", "completion networks", NULL },
	{ NULL, NULL, NULL },
};

const struct program carrier_program = {
	.name = "carrier", .summary = "run containers without a daemon and without root", .version = VERSION,
	.description = "carrier pulls images from any registry, and runs containers from them through woody or another OCI runtime. "
		       "It needs no daemon and, with subordinate ids in /etc/subuid and /etc/subgid, no root. Without them everything in images "
		       "and containers belongs to the user who runs it.\n\n"
		       "Two confined programs see what registries send. carrier-unpack reaches the directory of one layer. carrier-fetch changes no "
		       "file, and reads these only: certificates (/etc/ssl, /etc/pki, /etc/crypto-policies, /usr/share/ca-certificates, "
		       "/usr/local/share/ca-certificates, /usr/share/pki, /etc/ca-certificates, and of registries /etc/containers/certs.d, "
		       "/etc/docker/certs.d and ~/.config/containers/certs.d, or --cert-dir in their place), how names are resolved "
		       "(/etc/resolv.conf, /etc/hosts, /etc/nsswitch.conf, /etc/host.conf, /etc/gai.conf, /etc/services, /run/systemd/resolve, "
		       "/run/resolvconf, /run/NetworkManager) and its libraries. Proxies are taken from the environment (https_proxy, "
		       "http_proxy, no_proxy, all_proxy).",
	OPTIONS(struct carrier, options), .commands = commands, .completers = completers, .usage_exit = EXIT_CARRIER, .prepare = prepare,
};
