/* explain.h - why a file was denied: which component of its path, whose that is, what to do. path_resolution(7)
 *
 * "Permission denied" names the whole path; what denies it may be any directory on the way, also behind a symlink. It is looked for as the
 * caller, after the failure, so nothing is paid for where nothing fails.
 */
#pragma once

/* explain_denied - of a sentence that tells of a denial and names an absolute path in quotes, as ours do: what to add behind "; "
 * Return: caller frees; NULL when the sentence is of something else, says already what to do, or nothing on the path denies anything. */
char *explain_denied(const char *sentence);
