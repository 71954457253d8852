/* envfile.h - --env-file and --label-file: a line each for NAME=VALUE, or NAME alone. Empty lines and those that begin with # are left out,
 * blanks before a name as well; what is behind the = is taken as it is, without quotes or expansion (as docker). */
#pragma once
#include "error.h"
#include "str.h"

/* envfile_parse - pure; @name: for the sentences. Adds to @ret. -EINVAL names the line. */
int envfile_parse(const char *name, const char *text, struct strings *ret, struct error *err);
/* envfile_read - @option: "--env-file", for the sentences */
int envfile_read(const char *option, const char *path, struct strings *ret, struct error *err);
