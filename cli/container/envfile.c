#include "envfile.h"
#include "cleanup.h"
#include "explain_path.h"
#include "fs.h"
#include <string.h>

enum { FILE_MAX = 16 << 20 };

static int parse_line(const char *name, size_t number, const char *line, size_t len, struct strings *ret, struct error *err)
{
	while (len && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	if (len && line[len - 1] == '\r')
		len--;
	if (len == 0 || *line == '#')
		return 0;
	const char *equals = memchr(line, '=', len);
	size_t n = equals ? (size_t) (equals - line) : len;
	if (n == 0)
		return error_say(err, EINVAL, "'%s', line %zu: there is no name in front of the =", name, number);
	if (memchr(line, ' ', n) || memchr(line, '\t', n))
		return error_say(err, EINVAL, "'%s', line %zu: a name with blanks, '%.*s'", name, number, (int) n, line);
	strings_printf(ret, "%.*s", (int) len, line);
	return 0;
}

int envfile_parse(const char *name, const char *text, struct strings *ret, struct error *err)
{
	if (str_after(text, "\xef\xbb\xbf"))	/* a byte order mark, as editors of another system leave it */
		text += 3;
	for (size_t number = 1; *text; number++) {
		size_t len = strcspn(text, "\n");
		int r = parse_line(name, number, text, len, ret, err);
		if (r < 0)
			return r;
		text += len + (text[len] == '\n');
	}
	return 0;
}

int envfile_read(const char *option, const char *path, struct strings *ret, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r = fs_read_file(AT_FDCWD, path, FILE_MAX, &text, &len, err);
	if (r == 0 && strlen(text) != len)
		r = error_say(err, EINVAL, "'%s' is no text: it has NUL bytes", path);
	r = r < 0 ? r : envfile_parse(path, text, ret, err);
	return r < 0 ? error_wrap(err, "%s", option), explain_path(path, R_OK, err) : 0;
}
