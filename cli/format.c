#include "format.h"
#include "cleanup.h"
#include <ctype.h>
#include <string.h>

void format_done(struct format *f)
{
	table_done(&f->table);
	pool_done(&f->pool);
}

/* is_json - docker's other spelling of it; quicker than the template, and the same */
static bool is_json(const char *text)
{
	return strcmp(text, "json") == 0 || strcmp(text, "{{json .}}") == 0 || strcmp(text, "{{ json . }}") == 0;
}

int format_parse(const char *text, struct format *ret, struct error *err)
{
	if (!text || strcmp(text, "table") == 0)
		return 0;
	if (is_json(text)) {
		ret->is = FORMAT_JSON;
		return 0;
	}
	if (!strstr(text, "{{"))
		return error_say(err, EINVAL, "--format '%s' is not known: table or json, or a template such as '{{.ID}}'", text);
	const char *columns = str_after(text, "table");
	bool in_table = columns && isspace((unsigned char) *columns);
	ret->is = in_table ? FORMAT_COLUMNS : FORMAT_LINES;
	while (in_table && *columns == ' ')
		columns++;
	int r = template_parse(in_table ? columns : text, &ret->pool, &ret->template, err);
	return r < 0 ? error_wrap(err, "--format") : 0;
}

/* add_columns - a line of the table: what is between tabulators is a cell */
static void add_columns(struct format *f, char *line)
{
	char *cells[64];
	size_t n = 0;
	for (char *tab = line; tab && n < 63; line = tab + 1) {
		tab = strchr(line, '\t');
		if (tab)
			*tab = 0;
		cells[n++] = line;
		if (!tab)
			break;
	}
	cells[n] = NULL;
	table_add_list(&f->table, cells);
}

static int run(struct format *f, const char *text, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct buf line cleanup_buf = { 0 };
	struct json_value *value;
	int r = json_read(text, strlen(text), &pool, &value, err);
	if (r == 0)
		r = template_run(f->template, value, &line, err);
	if (r < 0)
		return error_wrap(err, "--format");
	buf_puts(&line, "");
	if (f->is == FORMAT_COLUMNS)
		add_columns(f, line.data);
	else
		puts(buf_str(&line));
	return 0;
}

int format_head(struct format *f, const char *heads, struct error *err)
{
	return f->is == FORMAT_COLUMNS ? format_text(f, heads, err) : 0;
}

int format_row(struct format *f, const struct json_type *type, const void *object, struct error *err)
{
	cleanup_free char *text = json_encode(type, object, JSON_COMPACT, NULL);
	return format_text(f, text, err);
}

int format_text(struct format *f, const char *text, struct error *err)
{
	if (f->is != FORMAT_JSON)
		return run(f, text, err);
	puts(text);
	return 0;
}

void format_end(struct format *f)
{
	table_print(&f->table, stdout);
}
