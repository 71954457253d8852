#include "chain.h"
#include "mem.h"
#include "str.h"
#include <errno.h>
#include <limits.h>
#include <string.h>

#define T struct pending_link
static const struct json_type link_type = JSON_TYPE(T, JSON_REQUIRED(T, path, "path"), JSON_REQUIRED(T, target, "target"));
#undef T
#define T struct pending
const struct json_type pending_type = JSON_TYPE(T, JSON_FIELD(T, directories, "directories"),
	JSON_LIST(T, links, "links", link_type), JSON_FIELD(T, whiteouts, "whiteouts"));
#undef T

/* utf8_len - of the character at @s, 0 when it is none (overlong, a surrogate, beyond U+10FFFF) */
static int utf8_len(const unsigned char *s)
{
	if (s[0] < 0x80)
		return 1;
	int n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (int i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	bool bad = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
		   (s[0] == 0xf4 && s[1] > 0x8f);
	return bad ? 0 : n;
}

char *pending_escape(const char *path)
{
	struct buf b = { 0 };
	while (*path) {
		int n = *path == '%' ? 0 : utf8_len((const unsigned char *) path);
		if (n == 0)
			buf_printf(&b, "%%%02x", (unsigned char) *path);
		for (int i = 0; i < n; i++)
			buf_putc(&b, path[i]);
		path += n ? n : 1;
	}
	return buf_take(&b);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* unescape - in place; what is no escape stays. %00 would cut the name off */
static void unescape(char *text)
{
	char *to = text;
	for (const char *p = text; *p; p++) {
		int high = *p == '%' ? hex_digit(p[1]) : -1, low = high < 0 ? -1 : hex_digit(p[2]);
		bool escape = low >= 0 && (high | low);
		*to++ = escape ? (char) (high << 4 | low) : *p;
		p += escape ? 2 : 0;
	}
	*to = 0;
}

/* read_name - "." is the layer's root; else names with one slash between them */
static int read_name(char *text, struct error *err)
{
	unescape(text);
	if (strcmp(text, ".") == 0)
		return 0;
	for (const char *p = text;; p++) {
		size_t n = strcspn(p, "/");
		if (n == 0 || n > NAME_MAX || (n == 1 && *p == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return error_say(err, EBADMSG, "pending.json names '%.300s', which carrier-unpack does not write: it was taken over, or "
					 "the store is damaged; remove the image", text);
		p += n;
		if (!*p)
			return 0;
	}
}

int pending_read(struct pending *p, struct error *err)
{
	int r = 0;
	for (char **d = p->directories; r == 0 && d && *d; d++)
		r = read_name(*d, err);
	for (char **d = p->whiteouts; r == 0 && d && *d; d++)
		r = read_name(*d, err);
	for (size_t i = 0; r == 0 && i < p->n_links; i++) {
		r = read_name(p->links[i].path, err);
		if (r == 0)
			r = read_name(p->links[i].target, err);
	}
	return r;
}
