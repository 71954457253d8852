#include "../../cli/container/log_line.h"
#include "tap.h"
#include <errno.h>

int main(void)
{
	static const struct { const char *line; int r; const char *text; size_t len; bool err; const char *time; } cases[] = {
		{ "{\"log\":\"hi\\n\",\"stream\":\"stdout\",\"time\":\"T\"}", 0, "hi\n", 3, false, "T" },
		{ "{\"time\":\"T\", \"stream\" : \"stderr\",\"log\":\"\"}", 0, "", 0, true, "T" },
		{ "{\"log\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"stream\":\"stdout\"}", 0, "\"\\/\b\f\n\r\t", 8, false, "" },
		{ "{\"log\":\"a\\u0000b\",\"stream\":\"stdout\"}", 0, "a\0b", 3, false, "" },
		{ "{\"log\":\"\\u00e9\\u20AC\\ud83d\\ude00\",\"stream\":\"stdout\"}", 0, "é€😀", 9, false, "" },
		{ "{\"log\":\"\\ud83dx\\ude00\",\"stream\":\"stdout\"}", 0, "\xef\xbf\xbdx\xef\xbf\xbd", 7, false, "" },
		{ "{\"log\":\"\\ud83d\\u0041\",\"stream\":\"stdout\"}", 0, "\xef\xbf\xbd" "A", 4, false, "" },
		{ "{\"log\":\"\xff\xfe\",\"stream\":\"stdout\",\"attrs\":\"x\"}", 0, "\xff\xfe", 2, false, "" },
		{ "{\"log\":\"x\",\"stream\":\"stdin\"}", -EINVAL, NULL, 0, false, NULL },
		{ "{\"log\":\"x\"}", -EINVAL, NULL, 0, false, NULL },
		{ "{\"stream\":\"stdout\"}", -EINVAL, NULL, 0, false, NULL },
		{ "{\"log\":\"x\",\"stream\":\"stdout\"", -EINVAL, NULL, 0, false, NULL },
		{ "{\"log\":\"x\",\"stream\":\"stdout\"}x", -EINVAL, NULL, 0, false, NULL },
		{ "{\"log\":\"\\x\",\"stream\":\"stdout\"}", -EINVAL, NULL, 0, false, NULL },
		{ "{\"log\":\"\\u12", -EINVAL, NULL, 0, false, NULL },
		{ "{\"log\":\"\\", -EINVAL, NULL, 0, false, NULL },
		{ "{}", -EINVAL, NULL, 0, false, NULL },
		{ "", -EINVAL, NULL, 0, false, NULL },
	};
	struct log_entry e cleanup_log_entry = { 0 };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int r = log_line_parse(cases[i].line, strlen(cases[i].line), &e);
		OK(r == cases[i].r);
		if (r == 0 && cases[i].r == 0) {
			OK(e.text.len == cases[i].len && (!e.text.len || memcmp(e.text.data, cases[i].text, e.text.len) == 0));
			OK(e.stderr_ == cases[i].err && e.time.len == strlen(cases[i].time));
		}
	}
	return tap_done();
}
