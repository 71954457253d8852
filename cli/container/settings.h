/* settings.h - what run's options decide about a container's privileges and names, besides struct record. All zero is docker's
 * default. */
#pragma once
#include "json.h"
#include <stdbool.h>

struct record_settings {
	char **capabilities;		/* "CAP_CHOWN"...; NULL: docker's 14; empty: none, when no_capabilities says so */
	bool no_capabilities;		/* JSON cannot tell an empty list from an absent one */
	bool privileged;
	bool seccomp_unconfined, no_new_privileges;
	char *seccomp_profile;		/* file of a profile, absolute; NULL: ours */
	char *apparmor;			/* profile, or "unconfined"; NULL: none of ours */
	bool no_labels;			/* label=disable */
	char **labels;			/* "type:x", "level:s0:c1" ... of label= */
	char **mask, **unmask;		/* paths; patterns of paths, "*" being all of them */
	char *proc_options;		/* for the mount of /proc: "hidepid=2" */
	char **hosts;			/* of --add-host: "NAME ADDRESS"; the address may be "host-gateway" */
	char **dns;			/* of --dns: addresses */
	char **dns_search;		/* of --dns-search: domains in place of the host's; "." alone: none */
	char **dns_options;		/* of --dns-option, in place of the host's */
};
extern const struct json_type record_settings_type;
