/* 04: the programs that give a container a network, and the ports that it may have. */
#include "doctor.h"
#include "cleanup.h"
#include "proc.h"
#include "str.h"
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

const struct doctor_check doctor_networks[] = {
	{ "CD0401", "slirp4netns", look_slirp },
	{ "CD0402", "pasta", look_pasta },
	{ "CD0403", "ports", look_ports },
	{ NULL, NULL, NULL },
};
