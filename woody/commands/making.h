/* making.h - the options that `create` and `run` share. */
#pragma once
#include "../launch.h"
#include "../woody.h"

struct making {
	char *bundle, *config, *console_socket, *pid_file, *pidfd_socket;
	int64_t preserve_fds;
	bool no_pivot, no_new_keyring;
};

/* MAKING_OPTIONS - the rows for a struct @T with a member `making` */
#define MAKING_OPTIONS(T) \
	OPTION(T, making.bundle, 'b', "bundle", "DIR", "the bundle's directory (default: the current one)"), \
	OPTION(T, making.config, 'f', "config", "FILE", "read this file instead of the bundle's config.json"), \
	OPTION(T, making.console_socket, 0, "console-socket", "PATH", \
	       "UNIX socket that receives the master of the container's terminal"), \
	OPTION(T, making.pid_file, 0, "pid-file", "FILE", "write the pid of the container's process to FILE"), \
	OPTION(T, making.pidfd_socket, 0, "pidfd-socket", "PATH", "UNIX socket that receives a pidfd of the process"), \
	OPTION(T, making.no_pivot, 0, "no-pivot", NULL, "move the root instead of pivot_root, for a rootfs on a ramdisk"), \
	OPTION(T, making.no_new_keyring, 0, "no-new-keyring", NULL, "keep the caller's session keyring"), \
	OPTION(T, making.preserve_fds, 0, "preserve-fds", "N", "pass N file descriptors, from 3 on, to the container")

/* making_launch - what the options and the program's say, as launch_create() takes it; all borrowed */
static inline struct launch making_launch(const struct woody *w, const struct making *m, const char *id)
{
	struct launch l = LAUNCH_INIT;
	l.root = w->root;
	l.id = id;
	l.bundle = m->bundle ? m->bundle : ".";
	l.config = m->config;
	l.manager = w->manager;
	l.rootless = w->rootless;
	l.nested = w->nested;
	l.console_socket = m->console_socket;
	l.pid_file = m->pid_file;
	l.pidfd_socket = m->pidfd_socket;
	l.no_pivot = m->no_pivot;
	l.no_new_keyring = m->no_new_keyring;
	l.preserve_fds = (int) m->preserve_fds;
	return l;
}
