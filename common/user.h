/* user.h - users and groups by the files of a container: parsers of text from an image, which may be anything.
 *
 * No name service is ever asked. passwd(5), group(5).
 */
#pragma once
#include "error.h"
#include "runtime_spec.h"
#include <stdint.h>

/* identity_home - the home directory of @uid in the passwd file whose @text this is; "/" when it is unknown
 * or no absolute path. Caller frees. */
char *identity_home(const char *text, uint32_t uid);

/* identity_parse_user - `--user USER[:GROUP]`, each a number, or a name from the container's files
 *
 * A word of digits is always an id (0 to 4294967294), also when a user has such a name. The whole word must
 * parse: an unknown name, an empty part, a second colon or anything behind is an error (CVE-2026-30892).
 *
 * @passwd_text, @group_text: NUL-terminated, "" when there is none; lines that make no sense are skipped
 * @pool: owns the list of groups
 * @ret: in: who the process is without --user; out: uid, gid, additional_gids; all as it was on failure.
 *
 * gid is GROUP, else the user's from passwd, else as it was. Without GROUP the additional groups are exactly
 * those of the group file that list the user, ascending; with one, or for a uid without a passwd line, there
 * are none (as docker).
 */
int identity_parse_user(const char *word, const char *passwd_text, const char *group_text, struct pool *pool,
			struct spec_user *ret, struct error *err);
