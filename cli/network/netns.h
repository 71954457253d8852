/* netns.h - a network namespace that no process is in: network_namespaces(7). */
#pragma once
#include "error.h"
#include <stdbool.h>
#include <sys/types.h>

/* netns_make - a new one of our user namespace, where lo is up; a helper's tap0 will have an IPv6 address that nobody else can have, and who connects
 * does not wait until that is proven (accept_dad). Made in a child, we stay where we are. @learns: its links take addresses and routes from routers
 * that advertise them (accept_ra). Return: a file of it, which keeps it
 * netns_of - that of a process */
int netns_make(bool learns, struct error *err);
int netns_of(pid_t pid, struct error *err);
