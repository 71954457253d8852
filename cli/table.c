#include "table.h"
#include "mem.h"
#include "str.h"
#include <stdarg.h>
#include <stdlib.h>

static void add_row(struct table *t, const struct strings *row)
{
	if (t->n == t->size) {
		t->size = t->size ? 2 * t->size : 16;
		t->rows = xreallocarray(t->rows, t->size, sizeof *t->rows);
	}
	t->rows[t->n++] = row->v;
}

void table_add(struct table *t, const char *cell, ...)
{
	struct strings row = { 0 };
	va_list ap;
	va_start(ap, cell);
	for (; cell; cell = va_arg(ap, const char *))
		strings_add(&row, cell);
	va_end(ap);
	add_row(t, &row);
}

void table_add_list(struct table *t, char *const *cells)
{
	struct strings row = { 0 };
	for (; *cells; cells++)
		strings_add(&row, *cells);
	add_row(t, &row);
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		for (char **cell = t->rows[i]; cell && *cell; cell++)
			free(*cell);
		free(t->rows[i]);
	}
	free(t->rows);
	*t = (struct table) { 0 };
}

static size_t width(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += ((unsigned char) *s & 0xc0) != 0x80;
	return n;
}

static size_t *measure(const struct table *t)
{
	size_t columns = 0;
	for (size_t i = 0; i < t->n; i++)
		columns = strings_count(t->rows[i]) > columns ? strings_count(t->rows[i]) : columns;
	size_t *widths = xcalloc(columns + 1, sizeof *widths);
	for (size_t i = 0; i < t->n; i++)
		for (size_t c = 0; t->rows[i] && t->rows[i][c]; c++)
			widths[c] = width(t->rows[i][c]) > widths[c] ? width(t->rows[i][c]) : widths[c];
	return widths;
}

void table_print(const struct table *t, FILE *out)
{
	size_t *widths = measure(t);
	for (size_t i = 0; i < t->n; i++) {
		size_t owed = 0;	/* blanks that are only printed when something follows */
		for (size_t c = 0; t->rows[i] && t->rows[i][c]; c++) {
			const char *cell = t->rows[i][c];
			if (*cell) {
				fprintf(out, "%*s%s", (int) owed, "", cell);
				owed = 0;
			}
			owed += widths[c] - width(cell) + 3;
		}
		fputc('\n', out);
	}
	free(widths);
}
