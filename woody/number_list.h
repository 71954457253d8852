/* number_list.h - lists of CPUs and memory nodes as the kernel writes them: "0-3,7". cpuset(7) "List format". */
#pragma once
#include <stddef.h>

enum { NUMBERS_MAX = 8192 };	/* as many CPUs as a kernel can be built for */

struct number_set {
	unsigned long bits[NUMBERS_MAX / (8 * sizeof(long))];	/* as sched_setaffinity(2) and set_mempolicy(2) take them */
	size_t n;	/* how many are in it */
};

/* number_list_parse - blanks around a number or range, and empty elements, are overlooked
 * Return: 0; -EINVAL when it is no such list, or has no number at all; -ERANGE for a number beyond NUMBERS_MAX - 1.
 * @ret is untouched on failure. */
int number_list_parse(const char *list, struct number_set *ret);

/* number_set_hex - "0x3": the set as one number; @out has room for NUMBERS_MAX / 4 + 3 */
const char *number_set_hex(const struct number_set *set, char *out);
