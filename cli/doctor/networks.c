/* 04: the programs that give a container a network, the ports that it may have, and what is left of named networks. */
#include "doctor.h"
#include "../network/named.h"
#include "cleanup.h"
#include "proc.h"
#include "str.h"
#include <poll.h>
#include <string.h>

/* look_program - without it the @other does what it does, if that is there; @without: what then is worse */
static void look_program(struct doctor *d, const char *name, const char *other, const char *without)
{
	const char *remedy = doctor_printf(d, "as root: install the package that has %s", name);
	cleanup_free char *instead = proc_find(other, NULL);
	bool bad = !instead;
	if (bad)
		without = "neither pasta nor slirp4netns is there: containers have no network of their own, only --network host or none";
	cleanup_free char *path = proc_find(name, NULL);
	if (!path) {
		(bad ? doctor_bad : doctor_more)(d, remedy, "is not installed: %s", without);
		return;
	}
	cleanup_free char *version = doctor_program_version(path);
	if (version)
		doctor_ok(d, "'%s', %s", path, version);
	else
		(bad ? doctor_bad : doctor_warn)(d, remedy, "'%s' does not run: %s", path, without);
}

static void look_slirp(struct doctor *d)
{
	look_program(d, "slirp4netns", "pasta", "pasta is used, which takes longer to start");
}

static void look_pasta(struct doctor *d)
{
	look_program(d, "pasta", "slirp4netns", "slirp4netns is used, which publishes ports for IPv4 only");
}

static void look_ports(struct doctor *d)
{
	int64_t first = doctor_sysctl("net/ipv4/ip_unprivileged_port_start", 1024);
	if (!d->carrier->rootless)
		doctor_ok(d, "root may use all");
	else if (first > 80)
		doctor_more(d, "as root: sysctl -w net.ipv4.ip_unprivileged_port_start=80 for 80 and 443", "%s may use those from %lld on",
			    doctor_user(d), (long long) first);
	else
		doctor_ok(d, "%s may use those from %lld on", doctor_user(d), (long long) first);
}

/* look_leftovers - what a monitor is just removing is none: they are looked at again */
static void look_leftovers(struct doctor *d)
{
	enum { LOOKS = 10, PAUSE_MS = 100 };
	struct strings list cleanup_strings = { 0 };
	struct error err = { 0 };
	int r = named_stale(d->carrier, false, &list, &err);
	for (int i = 0; r == 0 && list.n && i < LOOKS; i++) {
		(void) poll(NULL, 0, PAUSE_MS);
		strings_done(&list);
		list = (struct strings) { 0 };
		r = named_stale(d->carrier, d->fix && i == LOOKS - 1, &list, &err);
	}
	if (r < 0)
		doctor_error(d, true, &err);
	if (r < 0)
		return;
	struct buf all cleanup_buf = { 0 };
	for (size_t i = 0; i < list.n; i++)
		buf_printf(&all, "%s%s", i ? ", " : "", list.v[i]);
	if (list.n == 0)
		doctor_ok(d, "no bridge, link, rules or lease of a network is left without its container");
	else if (d->fix)
		doctor_fixed(d, "removed, since no container has it any more: %s", buf_str(&all));
	else
		doctor_bad(d, "carrier doctor --fix", "no container has it any more, a monitor was killed: %s", buf_str(&all));
}

const struct doctor_check doctor_networks[] = {
	{ "CD0401", "slirp4netns", look_slirp },
	{ "CD0402", "pasta", look_pasta },
	{ "CD0403", "ports", look_ports },
	{ "CD0404", "leftovers", look_leftovers },
	{ NULL, NULL, NULL },
};
