/* format.h - --format of the commands that print one record after another: a table, JSON objects, or lines made by a template.
 *
 *	struct format f cleanup_format = { 0 };
 *	format_parse(o->format, &f, err);	NULL, "table", "json", TEMPLATE, "table TEMPLATE" (template.h)
 *	if (f.is == FORMAT_TABLE)
 *		table_add(&f.table, ...);	the columns are the command's own
 *	format_head(&f, heads, err);		what "table TEMPLATE" has for the first line: JSON text of the same object, with headings for values
 *	format_row(&f, &row_type, &row, err);
 *	format_end(&f);
 */
#pragma once
#include "table.h"
#include "template.h"

struct format {
	enum { FORMAT_TABLE, FORMAT_JSON, FORMAT_LINES, FORMAT_COLUMNS } is;
	struct template *template;
	struct table table;
	struct pool pool;
};
void format_done(struct format *f);
#define cleanup_format __attribute__((cleanup(format_done)))

/* format_parse - -EINVAL with a sentence. Words without {{ that are none of the above are refused: they are mistyped. */
int format_parse(const char *text, struct format *ret, struct error *err);
/* format_head - nothing unless it is "table TEMPLATE" */
int format_head(struct format *f, const char *heads, struct error *err);
/* format_row - print @object, or keep it for format_end(); not for FORMAT_TABLE */
int format_row(struct format *f, const struct json_type *type, const void *object, struct error *err);
/* format_text - the same of an object that is JSON text already */
int format_text(struct format *f, const char *text, struct error *err);
/* format_end - print the table, if rows of one were kept */
void format_end(struct format *f);
