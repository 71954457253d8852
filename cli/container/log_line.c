#include "log_line.h"
#include <errno.h>
#include <string.h>

/* Logs are long, and all their lines alike: a reader for strings in one object, which needs no tree and no copy. */
struct cursor { const char *at, *end; };

void log_entry_done(struct log_entry *e)
{
	buf_done(&e->text);
	buf_done(&e->time);
}

static bool take(struct cursor *c, char wanted)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\r'))
		c->at++;
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static int hex4(struct cursor *c)
{
	int v = 0;
	if (c->end - c->at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char h = *c->at++;
		int digit = h >= '0' && h <= '9' ? h - '0' : (h | 32) >= 'a' && (h | 32) <= 'f' ? (h | 32) - 'a' + 10 : -1;
		if (digit < 0)
			return -1;
		v = v * 16 + digit;
	}
	return v;
}

static void add_utf8(struct buf *b, unsigned c)
{
	if (c < 0x80) {
		buf_putc(b, (char) c);
	} else if (c < 0x800) {
		buf_putc(b, (char) (0xc0 | c >> 6));
		buf_putc(b, (char) (0x80 | (c & 0x3f)));
	} else {
		buf_putc(b, (char) (c < 0x10000 ? 0xe0 | c >> 12 : 0xf0 | c >> 18));
		if (c >= 0x10000)
			buf_putc(b, (char) (0x80 | (c >> 12 & 0x3f)));
		buf_putc(b, (char) (0x80 | (c >> 6 & 0x3f)));
		buf_putc(b, (char) (0x80 | (c & 0x3f)));
	}
}

/* add_code - behind \u: one character, perhaps in two halves; a lone half becomes U+FFFD */
static bool add_code(struct cursor *c, struct buf *b)
{
	int high = hex4(c);
	if (high < 0)
		return false;
	unsigned code = (unsigned) high;
	if (code >= 0xd800 && code < 0xdc00 && c->end - c->at >= 6 && c->at[0] == '\\' && c->at[1] == 'u') {
		struct cursor behind = { c->at + 2, c->end };
		int low = hex4(&behind);
		if (low >= 0xdc00 && low < 0xe000) {
			code = 0x10000 + ((code - 0xd800) << 10) + ((unsigned) low - 0xdc00);
			*c = behind;
		}
	}
	add_utf8(b, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
	return true;
}

static bool add_escape(struct cursor *c, struct buf *b)
{
	static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	if (c->at == c->end)
		return false;
	char letter = *c->at++;
	if (letter == 'u')
		return add_code(c, b);
	const char *found = memchr(letters, letter, sizeof letters - 1);
	if (!found)
		return false;
	buf_putc(b, values[found - letters]);
	return true;
}

static bool take_string(struct cursor *c, struct buf *b)
{
	b->len = 0;
	if (!take(c, '"'))
		return false;
	for (;;) {
		const char *start = c->at;
		while (c->at < c->end && *c->at != '"' && *c->at != '\\')
			c->at++;
		if (c->at > start)
			buf_add(b, start, (size_t) (c->at - start));
		if (c->at == c->end)
			return false;
		if (*c->at++ == '"')
			return true;
		if (!add_escape(c, b))
			return false;
	}
}

static bool is(const struct buf *b, const char *word)
{
	return b->len == strlen(word) && (!b->len || memcmp(b->data, word, b->len) == 0);
}

int log_line_parse(const char *line, size_t len, struct log_entry *e)
{
	struct cursor c = { line, line + len };
	struct buf key cleanup_buf = { 0 }, other cleanup_buf = { 0 };
	bool text = false, stream = false;
	e->time.len = 0;
	if (!take(&c, '{'))
		return -EINVAL;
	do {
		if (!take_string(&c, &key) || !take(&c, ':'))
			return -EINVAL;
		bool is_text = is(&key, "log"), is_stream = is(&key, "stream");
		if (!take_string(&c, is_text ? &e->text : is(&key, "time") ? &e->time : &other))
			return -EINVAL;
		text = text || is_text;
		if (is_stream) {
			stream = is(&other, "stdout") || is(&other, "stderr");
			e->stderr_ = is(&other, "stderr");
		}
	} while (take(&c, ','));
	return take(&c, '}') && c.at == c.end && text && stream ? 0 : -EINVAL;
}
