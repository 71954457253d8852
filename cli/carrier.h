/* carrier.h - what main() hands to every command: where things are, and how to say that something failed. */
#pragma once
#include "command.h"
#include "error.h"
#include <stdbool.h>

struct carrier {
	/* global options */
	char *root_option, *runroot_option, *runtime, *log_level, *log_format, *cgroup_manager;
	char *storage_driver;
	struct strings additional_stores;
	bool verbose;
	char **words;		/* the whole command line */
	/* from them */
	char *root;		/* images and containers: /var/lib/carrier, or ~/.local/share/carrier */
	char *runroot;		/* what a reboot may forget: /run/carrier, or $XDG_RUNTIME_DIR/carrier */
	bool rootless;		/* not root of the host: every container gets a user namespace */
	bool nested;		/* uid 0, but of a user namespace, or a container, that somebody else made */
};

enum { EXIT_CARRIER = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

/* carrier_fail - print the sentence on stderr, and of a denied file what denies it (explain_path.h). Return: 125 */
int carrier_fail(const struct error *err);

/* carrier_helper - the path of one of our own programs ("carrier-fetch", "woody"): beside our binary, in the build tree's place
 * for it, where it was configured to be, in that order. Caller frees; NULL with @err when it is nowhere. */
char *carrier_helper(const char *name, struct error *err);

extern const struct program carrier_program;
extern const struct command
	command_attach,
	command_boot,
	command_create,
	command_healthcheck,
	command_restart,
	command_start,
	command_wait,
	command_checkpoint,
	command_clone,
	command_commit,
	command_container,
	command_container_inspect,
	command_container_rm,
	command_restore,
	command_unshare,
	command_cp,
	command_diff,
	command_export,
	command_image_diff,
	command_image_mount,
	command_image_unmount,
	command_import,
	command_load,
	command_save,
	command_snapshot,
	command_completion,
	command_doctor,
	command_destroy,
	command_events,
	command_metrics,
	command_network,
	command_prune,
	command_stats,
	command_exec,
	command_generate,
	command_history,
	command_image,
	command_image_exists,
	command_image_inspect,
	command_image_ls,
	command_image_prune,
	command_image_rm,
	command_image_tree,
	command_image_verify,
	command_images,
	command_info,
	command_inspect,
	command_kill,
	command_pause,
	command_port,
	command_rename,
	command_unpause,
	command_login,
	command_logout,
	command_logs,
	command_manifest,
	command_manifest_push,
	command_ps,
	command_pull,
	command_push,
	command_rm,
	command_rmi,
	command_run,
	command_search,
	command_shell,
	command_stop,
	command_terminal,
	command_system,
	command_system_check,
	command_system_df,
	command_system_info,
	command_system_prune,
	command_system_reset,
	command_system_share,
	command_tag,
	command_top,
	command_untag,
	command_update,
	command_secret,
	command_version,
	command_volume;
