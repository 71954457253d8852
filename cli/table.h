/* table.h - rows of words in aligned columns.
 *
 *	struct table t cleanup_table = { 0 };
 *	table_add(&t, "NAME", "SIZE", NULL);
 *	table_add(&t, image, size, NULL);
 *	table_print(&t, stdout);
 */
#pragma once
#include <stddef.h>
#include <stdio.h>

struct table { char ***rows; size_t n, size; };
void table_done(struct table *t);
#define cleanup_table __attribute__((cleanup(table_done)))

/* table_add - one row; its cells (copied; NULL ends them) */
void table_add(struct table *t, const char *cell, ...) __attribute__((sentinel));
void table_add_list(struct table *t, char *const *cells);
/* table_print - columns are as wide as their widest cell in characters (UTF-8) and three blanks apart; no blanks at the ends of lines */
void table_print(const struct table *t, FILE *out);
