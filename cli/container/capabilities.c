#include "capabilities.h"
#include "log.h"
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

/* the place is the number (linux/capability.h) */
static const char *const names[] = {
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE", NULL,
};
enum { COUNT = sizeof names / sizeof *names - 1 };
_Static_assert(COUNT == 41, "up to CAP_CHECKPOINT_RESTORE");

static const char *const defaults[] = {
	"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
	"NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE", NULL,
};

#define ALL ((UINT64_C(1) << COUNT) - 1)

static int number_of(const char *name)
{
	for (int i = 0; i < COUNT; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

static uint64_t default_mask(void)
{
	uint64_t mask = 0;
	for (size_t i = 0; defaults[i]; i++)
		mask |= UINT64_C(1) << number_of(defaults[i]);
	return mask;
}

static char **to_list(uint64_t mask, struct pool *pool)
{
	char **list = pool_alloc(pool, (COUNT + 1) * sizeof *list);
	size_t n = 0;
	for (int i = 0; i < COUNT; i++)
		if (mask & UINT64_C(1) << i)
			list[n++] = pool_printf(pool, "CAP_%s", names[i]);
	return list;
}

/* parse - @all: ALL is among them; @mask: those that are named */
static int parse(const struct strings *words, const char *option, bool *all, uint64_t *mask, struct error *err)
{
	for (size_t i = 0; i < words->n; i++) {
		char name[32] = "";
		const char *word = words->v[i];
		for (size_t k = 0; word[k] && k < sizeof name - 1; k++)
			name[k] = (char) toupper((unsigned char) word[k]);
		const char *bare = str_after(name, "CAP_") ? str_after(name, "CAP_") : name;
		int number = number_of(bare);
		if (number >= 0)
			*mask |= UINT64_C(1) << number;
		else if (strcmp(name, "ALL") == 0)
			*all = true;
		else if (str_nearest(bare, names))
			return error_say(err, EINVAL, "%s: there is no capability '%s'; did you mean '%s'?", option, word,
					 str_nearest(bare, names));
		else
			return error_say(err, EINVAL, "%s: there is no capability '%s'; capabilities(7) lists them", option,
					 word);
	}
	return 0;
}

int capabilities_choose(const struct strings *add, const struct strings *drop, struct pool *pool, char ***ret,
			struct error *err)
{
	bool add_all = false, drop_all = false;
	uint64_t added = 0, dropped = 0;
	int r = parse(add, "--cap-add", &add_all, &added, err);
	if (r == 0)
		r = parse(drop, "--cap-drop", &drop_all, &dropped, err);
	if (r < 0)
		return r;
	uint64_t mask = add_all ? ALL : drop_all ? 0 : default_mask();
	*ret = to_list((mask & ~dropped) | (added & (drop_all || add_all ? ALL : ~dropped)), pool);
	return 0;
}

char **capabilities_default(struct pool *pool)
{
	return to_list(default_mask(), pool);
}

char **capabilities_available(char *const *list, bool quiet, struct pool *pool)
{
	uint64_t mask = 0;
	for (; list && *list; list++) {
		const char *bare = str_after(*list, "CAP_");
		int number = bare ? number_of(bare) : -1;
		if (number >= 0 && prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1)
			mask |= UINT64_C(1) << number;
		else if (bare && !quiet && !strings_have((char *const *) defaults, bare))
			log_warn("the container goes without %s: carrier itself does not have it", *list);
	}
	return to_list(mask, pool);
}
