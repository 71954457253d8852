/* doctor.h - what a machine may lack, looked at one by one.
 *
 * Each check is one row of a table: a code that never changes its meaning, a name, and a function that looks, preferably by doing
 * what carrier would do (a user namespace is made, an overlay is mounted, in a child and in namespaces of its own), and says what
 * it found with doctor_ok(), doctor_warn() or doctor_bad(). It says at least one thing; it may say several.
 *
 *	ok	it is as it should be. A remedy may still say how to have more
 *	warn	carrier works, but something is slower, less separated or not to be had
 *	bad	commands fail, or something is damaged or left behind
 *
 * Codes, by the first two digits: 01 users, 02 devices, 03 cgroups and sessions, 04 networks, 05 places, 06 file systems, 07 kernel and
 * programs, 08 leftovers, 09 the store. Within a group a new check takes the next number; the number of one that went is not used again.
 *
 * With doctor.fix a check takes away what it would complain of, as far as that needs no more rights than the caller has, says so, and sets
 * `fixed`: then it is ok. Nobody but the caller's own carriers (--root, --runroot) is touched.
 */
#pragma once
#include "../carrier.h"
#include "json.h"
#include "mem.h"
#include <sys/types.h>

struct finding {
	char *code, *name, *level, *text;
	char *remedy;		/* what can be done; NULL: nothing */
	bool fixed;
};

struct doctor_check;
struct doctor {
	const struct carrier *carrier;
	bool fix;
	struct pool pool;	/* owns the findings' texts */
	struct finding *list;
	size_t n, size;
	const struct doctor_check *now;
	int64_t patient_until;	/* of leftovers.c */
};
void doctor_done(struct doctor *d);

struct doctor_check {
	const char *code, *name;
	void (*look)(struct doctor *d);
};
/* each file has one table, which ends with a row of NULL */
extern const struct doctor_check doctor_users[], doctor_devices[], doctor_sessions[], doctor_networks[], doctor_places[],
	doctor_filesystems[], doctor_kernel[], doctor_leftovers[], doctor_volumes[];

/* doctor_run - all checks but the store's, which is the caller's (it may fetch); findings are in ->list, in the order of the codes */
void doctor_run(struct doctor *d);
/* doctor_count - of findings with this level */
size_t doctor_count(const struct doctor *d, const char *level);

/* ---- for the checks ---- */

/* what was found, of the check that is being made; @remedy NULL: none */
void doctor_ok(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void doctor_more(struct doctor *d, const char *remedy, const char *fmt, ...) __attribute__((format(printf, 3, 4)));	/* ok, with a remedy */
void doctor_warn(struct doctor *d, const char *remedy, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void doctor_bad(struct doctor *d, const char *remedy, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void doctor_fixed(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* doctor_error - bad or a warning by @err's sentence; what stands behind its last "; " is the remedy */
void doctor_error(struct doctor *d, bool bad, const struct error *err);
/* doctor_printf - text that lives as long as the findings */
char *doctor_printf(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* doctor_sysctl - a number of /proc/sys; @missing when there is no such file */
int64_t doctor_sysctl(const char *name, int64_t missing);
/* doctor_program_version - the line of `PROGRAM --version` that has its name, else the first; NULL: it does not run. Caller frees. */
char *doctor_program_version(const char *path);
/* doctor_user - the caller's name, or its number in digits; borrowed from the doctor */
const char *doctor_user(struct doctor *d);

/* ---- pure parts, for the unit tests ---- */

/* subids_judge - the lines of /etc/subuid or /etc/subgid
 * @text: of @file, @passwd: of /etc/passwd (or /etc/group), whose ids nobody else should have
 * Return: NULL when all is well, else what is wrong with the ranges of the user in a sentence (caller frees);
 * *@ret_ids: how many ids the user has. @bad: set when another user has some of them, too */
char *subids_judge(const char *file, const char *text, const char *passwd, const char *user, uid_t uid, uint64_t *ret_ids, bool *ret_bad);
/* controllers_missing - the words of @wanted that are not among those of @have, with blanks between; caller frees, NULL: none */
char *controllers_missing(const char *have, const char *wanted);
