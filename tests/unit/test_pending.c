/* Names of pending.json: bytes that are no text come back as they were. */
#include "../../cli/image/chain.h"
#include "tap.h"
#include <stdlib.h>
#include <string.h>

static void round_trip(const char *name, const char *written)
{
	struct error err = { 0 };
	struct pool pool = { 0 };
	struct pending_link link = { pending_escape(name), pending_escape("t") };
	char *directories[] = { link.path, NULL };
	struct pending p = { .directories = directories, .links = &link, .n_links = 1 }, *again = NULL;
	size_t len;
	OK_STR(link.path, written);
	char *text = json_encode(&pending_type, &p, JSON_COMPACT, &len);
	OK(json_decode(&pending_type, text, len, &pool, &again, &err) == 0);
	if (again) {
		pending_unescape(again);
		OK_STR(again->directories[0], name);
		OK_STR(again->links[0].path, name);
		OK_STR(again->links[0].target, "t");
	}
	free(text);
	free(link.path);
	free(link.target);
	pool_done(&pool);
}

static void unescapes(const char *written, const char *name)
{
	char text[64];
	char *directories[] = { strcpy(text, written), NULL };
	struct pending p = { .directories = directories };
	pending_unescape(&p);
	OK_STR(text, name);
}

int main(void)
{
	round_trip("plain/name", "plain/name");
	round_trip("\xc3\xbc/\xf0\x9f\x98\x80", "\xc3\xbc/\xf0\x9f\x98\x80");
	round_trip("100%/%41", "100%25/%2541");
	round_trip("d\xff/\xc3", "d%ff/%c3");
	round_trip("\xed\xa0\x80\xc0\x80\xf4\x90\x80\x80", "%ed%a0%80%c0%80%f4%90%80%80");	/* a surrogate, overlong, too large */
	round_trip("new\nline\"\\\x01", "new\nline\"\\\x01");	/* JSON's own matter */
	/* what nobody wrote is not guessed at */
	unescapes("%", "%");
	unescapes("%4", "%4");
	unescapes("%zz%4z%FF", "%zz%4z%FF");
	unescapes("a%00b", "a%00b");
	struct pending none = { 0 };
	pending_unescape(&none);
	return tap_done();
}
