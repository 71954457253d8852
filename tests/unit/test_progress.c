#include "../../cli/image/progress.h"
#include "../../cli/image/tags.h"
#include "tap.h"
#include <stdlib.h>
#include <string.h>

static void test_line(void)
{
	struct progress_row r = { .name = "0123456789ab", .state = "pulling", .now = 4200000, .total = 8400000 };
	char out[256];
	for (int width = 1; width < 250; width++) {
		progress_line(&r, 1000000, width, out, sizeof out);
		OK((int) strlen(out) < width);
	}
	progress_line(&r, 1000000, 120, out, sizeof out);
	OK_STR(out, "0123456789ab [====================>                   ] 4.20 MB / 8.40 MB  1.00 MB/s  5 s");
	progress_line(&r, 0, 60, out, sizeof out);	/* no room for a bar, no rate yet */
	OK_STR(out, "0123456789ab 4.20 MB / 8.40 MB");
	r.now = r.total;
	progress_line(&r, 1000, 120, out, sizeof out);
	OK_STR(out, "0123456789ab [========================================] 8.40 MB / 8.40 MB  1.00 kB/s");
	r.state = "waiting for another pull";
	progress_line(&r, 1000, 120, out, sizeof out);
	OK_STR(out, "0123456789ab waiting for another pull");
	r.state = "pulling";
	r.now = 0;
	r.total = 7200000000;
	progress_line(&r, 1000000, 120, out, sizeof out);
	OK(strstr(out, "  2:00:01") != NULL);
}

static void test_modes(void)
{
	struct error err = { 0 };
	enum progress_mode mode;
	OK(progress_mode_parse("json", &mode, &err) == 0 && mode == PROGRESS_JSON);
	OK(progress_mode_parse("auto", &mode, &err) == 0 && mode == PROGRESS_AUTO);
	OK(progress_mode_parse("fancy", &mode, &err) == -EINVAL && strstr(err.text, "auto, tty, plain, json or none, not 'fancy'"));
}

static void test_next_page(void)
{
	static const struct { const char *link, *next; } cases[] = {
		{ "</v2/a/b/tags/list?n=2&last=x>; rel=\"next\"", "/v2/a/b/tags/list?n=2&last=x" },
		{ "<https://elsewhere.example/v2/a/b/tags/list?page=7>; rel=next", "/v2/a/b/tags/list?page=7" },
		{ "</v2/a/b/tags/list?n=2>; rel=\"prev\"", NULL },
		{ "</v2/other/tags/list?n=2>; rel=\"next\"", NULL },
		{ "</v2/a/b/tags/list/../../c?n=2>; rel=\"next\"", NULL },
		{ "<https://elsewhere.example>; rel=\"next\"", NULL },
		{ "/v2/a/b/tags/list?n=2; rel=\"next\"", NULL },
		{ "<", NULL }, { "", NULL }, { NULL, NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *got = tags_next_page(cases[i].link, "/v2/a/b/tags/list");
		OK(cases[i].next ? got && strcmp(got, cases[i].next) == 0 : !got);
		free(got);
	}
}

int main(void)
{
	test_line();
	test_modes();
	test_next_page();
	return tap_done();
}
