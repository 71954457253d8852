/* monitor.h - one process for each container: parent, reaper, log writer, server of those who attach, health checker, restarter, cleaner.
 *
 * Theory of operation. `carrier run` forks the monitor before anything is mounted. The monitor leaves the session, (rootless)
 * enters a user namespace, makes a private mount namespace, takes the lock, mounts the rootfs, executes the runtime, is the
 * subreaper that init falls to when the runtime has ended, copies output to the log and to its clients (client.h), and when init ends:
 * either starts it again, as its policy says (life.h), or records and tells the exit code (a --rm container's name is free by then), and only
 * then, when nobody waits any more, deletes the container from the runtime, ends the network helper, unmounts, and with --rm removes.
 * Because its mounts are in a namespace of its own, nothing of it survives a kill -9: the kernel unmounts. Then the container may run
 * on, "unattended": its lock is free, its process is found by pid and start time, and stop, kill, rm and restart work without a monitor.
 *
 * Between two starts of one monitor the rootfs stays mounted and the bundle is the same; the runtime's container, its pipes and its network
 * are new. A person's stop (record_note_stop()) ends the policy; one that waits to start again is told by TERM.
 *
 * It is a process of carrier's that has forked, not a program of its own: executing one would cost the start a millisecond. What it needs no
 * more, a second after the start, it gives back (memory.h).
 */
#pragma once
#include "client.h"

/* monitor_start - fork the monitor for a container whose record is written
 * @wants: which streams the caller attends (enum client_wants, CLIENT_WANTS_ALL, ...); 0: none, it runs in the background
 * Return: the client's end of the socket, for client_attend() or client_wait_started(), or -errno */
int monitor_start(const struct carrier *carrier, struct container *c, unsigned wants, struct error *err);
