/* options.h - the options of run and create, as one table, and what they mean together.
 * Where docker has the flag, its meaning is docker's. */
#pragma once
#include "../image/session.h"
#include "../network/mode.h"
#include "command.h"
#include "devices.h"
#include "life.h"
#include "limits.h"
#include "namespaces.h"
#include "privileges.h"
#include "process.h"
#include "record.h"
#include "users.h"
#include <stdbool.h>

struct run_options {
	bool interactive, tty, detach, remove, read_only, quiet;
	struct registry_options registry;	/* of the image's */
	struct life_options life;
	char *name, *workdir, *user, *entrypoint, *hostname, *rootfs, *cidfile, *pidfile, *pull, *platform, *stop_signal;
	struct strings env, env_files, labels, label_files, dns, dns_search, dns_options, add_hosts;
	int64_t stop_timeout;
	struct network_options network;
	struct limit_options limits;
	struct privilege_options privileges;
	struct device_options devices;
	struct namespace_options namespaces;
	struct process_options process;
	struct users_options users;
	struct mounts_options mounts;
};
enum {	/* rows; options.c asserts them. The first are run's alone, create has those behind them */
	RUN_ONLY_OPTIONS = 1 + LIFE_RUN_OPTION_ROWS_N,
	RUN_OPTIONS = RUN_ONLY_OPTIONS + 25 + NETWORK_OPTION_ROWS_N + LIFE_OPTION_ROWS_N + REGISTRY_OPTION_ROWS_N + LIMIT_OPTION_ROWS_N +
		PRIVILEGE_OPTION_ROWS_N + DEVICE_OPTION_ROWS_N + NAMESPACE_OPTION_ROWS_N + PROCESS_OPTION_ROWS_N + USERS_OPTION_ROWS_N +
		MOUNTS_OPTION_ROWS_N,
};
extern const struct option_def run_option_table[];
extern const struct run_options run_option_defaults;

/* options_to_record - everything that can be wrong is found here, before anything is made; sentences name the option
 * @image: NULL with --rootfs. @args: command and arguments given behind the image
 * @ret: what is already in it and not decided here (id, name, created, image, lowerdirs, maps) stays
 *
 * Left NULL for whoever knows more: hostname (the bundle takes the id's first 12 digits), network (not given: the run command
 * chooses), user (root), and HOSTNAME= in env (the bundle adds it). memory, pids_limit and cpu_quota are 0 without a limit. */
struct image;
int options_to_record(const struct run_options *o, const struct image *image, char *const *args, struct pool *pool,
		      struct record *ret, struct error *err);
