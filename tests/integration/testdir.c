/* testdir - a directory of users as LDAP is one: for tests, a module of the C library's name service (libnss_testdir.so.2) and of
 * shadow's (libsubid_testdir.so). What it knows is one line of /etc/testdir:
 *
 *	NAME:UID:FIRST:COUNT		subordinate ids, of both kinds
 *
 * nss(5), nsswitch.conf(5), subuid(5).
 */
#include <errno.h>
#include <nss.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry { char name[64]; unsigned uid; unsigned long first, count; };

static bool read_entry(struct entry *e)
{
	FILE *f = fopen("/etc/testdir", "re");
	int n = f ? fscanf(f, "%63[^:]:%u:%lu:%lu", e->name, &e->uid, &e->first, &e->count) : 0;
	if (f)
		fclose(f);
	return n == 4;
}

/* ---- users ---- */

static enum nss_status fill(const struct entry *e, struct passwd *p, char *buffer, size_t len, int *code)
{
	static char slash[] = "/", shell[] = "/bin/sh", none[] = "x";
	if (strlen(e->name) >= len) {
		*code = ERANGE;
		return NSS_STATUS_TRYAGAIN;
	}
	*p = (struct passwd) { .pw_name = strcpy(buffer, e->name), .pw_passwd = none, .pw_uid = e->uid, .pw_gid = e->uid, .pw_gecos = none,
			       .pw_dir = slash, .pw_shell = shell };
	return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_testdir_getpwnam_r(const char *name, struct passwd *p, char *buffer, size_t len, int *code);
enum nss_status _nss_testdir_getpwnam_r(const char *name, struct passwd *p, char *buffer, size_t len, int *code)
{
	struct entry e;
	return read_entry(&e) && strcmp(e.name, name) == 0 ? fill(&e, p, buffer, len, code) : NSS_STATUS_NOTFOUND;
}

enum nss_status _nss_testdir_getpwuid_r(uid_t uid, struct passwd *p, char *buffer, size_t len, int *code);
enum nss_status _nss_testdir_getpwuid_r(uid_t uid, struct passwd *p, char *buffer, size_t len, int *code)
{
	struct entry e;
	return read_entry(&e) && e.uid == uid ? fill(&e, p, buffer, len, code) : NSS_STATUS_NOTFOUND;
}

/* ---- subordinate ids; what the functions are and return is shadow's ---- */

enum { SUCCESS, UNKNOWN_USER };
struct range { unsigned long first, count; };

int shadow_subid_has_range(const char *owner, unsigned long first, unsigned long count, int kind, bool *result);
int shadow_subid_has_range(const char *owner, unsigned long first, unsigned long count, int kind, bool *result)
{
	struct entry e;
	(void) kind;
	if (!read_entry(&e) || strcmp(e.name, owner) != 0)
		return UNKNOWN_USER;
	*result = first >= e.first && first - e.first <= e.count && count <= e.count - (first - e.first);
	return SUCCESS;
}

int shadow_subid_list_owner_ranges(const char *owner, int kind, struct range **ranges, int *count);
int shadow_subid_list_owner_ranges(const char *owner, int kind, struct range **ranges, int *count)
{
	struct entry e;
	(void) kind;
	*ranges = NULL;
	*count = 0;
	if (!read_entry(&e) || strcmp(e.name, owner) != 0)
		return UNKNOWN_USER;
	*ranges = malloc(sizeof **ranges);
	**ranges = (struct range) { e.first, e.count };
	*count = 1;
	return SUCCESS;
}

int shadow_subid_find_subid_owners(unsigned long id, int kind, uid_t **uids, int *count);
int shadow_subid_find_subid_owners(unsigned long id, int kind, uid_t **uids, int *count)
{
	(void) id;
	(void) kind;
	*uids = NULL;
	*count = 0;
	return SUCCESS;
}
