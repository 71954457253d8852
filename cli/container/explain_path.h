/* explain_path.h - "Permission denied" with its reason: which part of a path, whose it is, for whom, and what to do.
 *
 * Two questions. May we ourselves, the process that starts the container, reach a path of the host? The kernel is asked, name by name
 * (access(2)), since a user namespace's root has his rights only over mapped ids. May the container's user reach a path of the rootfs?
 * That is computed from owner and mode, for nobody is that user yet. path_resolution(7)
 */
#pragma once
#include "error.h"
#include "runtime_spec.h"
#include <stdbool.h>
#include <sys/stat.h>

struct container;

/* explain_host_path - the first part of the absolute @path that we cannot search, or @path itself that we cannot @want (R_OK, W_OK, X_OK; 0: only
 * reach)
 * Return: a sentence that the caller frees, or NULL when nothing is in the way */
char *explain_host_path(const char *path, int want);

/* explain_sentence - the same for a sentence that is to be printed: of a denial that names an absolute path in quotes, and says not yet what to do.
 * A path that is not there, and was to be made, is looked at up to the directory that it was to be made in.
 * Return: what to add behind "; ", which the caller frees, or NULL */
char *explain_sentence(const char *sentence);

/* explain_path - append that to @err, when it is -EACCES or -EPERM. Return: @err's negative errno, so it stands behind `return` */
int explain_path(const char *path, int want, struct error *err);

/* explain_inside - the same beneath @root_fd for the user @who of the container, who may have no capabilities
 * @want: as above, of what is at the end; X_OK of a file that nobody may execute holds for root, too */
char *explain_inside(int root_fd, const char *path, int want, const struct spec_user *who);

/* explain_mode - pure: which of the three classes of mode bits refuses @who @want: 'u', 'g', 'o'; 0: none */
char explain_mode(const struct stat *st, int want, const struct spec_user *who);

/* explain_start - @err says that a container could not be started: when it is for a permission, the reason is appended, by the config.json that
 * was made. Nothing is looked at otherwise. */
void explain_start(const struct container *c, struct error *err);
