/* --filter of the prune commands. */
#include "../../cli/commands/filter.h"
#include "cleanup.h"
#include "tap.h"
#include <string.h>

enum { NOW = 1000000000 };	/* 2001-09-09T01:46:40Z */

/* until - what --filter until=@text means; -1: refused */
static int64_t until(const char *text)
{
	struct strings words cleanup_strings = { 0 };
	struct filter f cleanup_filter = { 0 };
	struct error err = { 0 };
	strings_printf(&words, "until=%s", text);
	int r = filter_parse(&words, NOW, &f, &err);
	return r == 0 && f.has_until ? f.until : r == -EINVAL && strstr(err.text, text) ? -1 : -2;
}

static bool refused(const char *word)
{
	struct strings words cleanup_strings = { 0 };
	struct filter f cleanup_filter = { 0 };
	struct error err = { 0 };
	strings_add(&words, word);
	return filter_parse(&words, NOW, &f, &err) == -EINVAL && strstr(err.text, "until=TIME") != NULL;
}

/* takes - do these words take what was @created and has the labels a=1 and b= ? */
static bool takes(const char *one, const char *two, const char *created)
{
	struct strings words cleanup_strings = { 0 };
	struct filter f cleanup_filter = { 0 };
	struct json_pair pairs[] = { { (char *) "a", (char *) "1" }, { (char *) "b", (char *) "" } };
	const struct json_map labels = { 2, pairs };
	strings_add(&words, one);
	if (two)
		strings_add(&words, two);
	return filter_parse(&words, NOW, &f, NULL) == 0 && filter_takes(&f, created, &labels);
}

int main(void)
{
	OK(until("0s") == NOW);
	OK(until("90s") == NOW - 90);
	OK(until("24h") == NOW - 86400);
	OK(until("1h30m") == NOW - 5400);
	OK(until("2d") == NOW - 2 * 86400);
	OK(until("1w1d") == NOW - 8 * 86400);
	OK(until("12345") == 12345);
	OK(until("2001-09-09") == 999993600);
	OK(until("2001-09-09T01:46:40Z") == NOW);
	OK(until("") == -1);
	OK(until("soon") == -1);
	OK(until("5") == 5);
	OK(until("-5") == -1);
	OK(until("5x") == -1);
	OK(until("h") == -1);
	OK(until("1h30") == -1);
	OK(until("99999999999999999999h") == -1);
	OK(until("2001-13-77") == -1);

	OK(refused("colour=red"));
	OK(refused("label="));
	OK(refused("label!="));
	OK(refused("until"));
	OK(refused(""));

	static const char old[] = "2001-09-08T00:00:00Z", young[] = "2001-09-09T01:00:00Z";
	OK(takes("until=24h", NULL, old));
	OK(!takes("until=24h", NULL, young));
	OK(takes("until=24h", NULL, NULL));	/* nobody knows: long ago */
	OK(takes("label=a", NULL, young));
	OK(takes("label=a=1", "label=b", young));
	OK(takes("label=b=", NULL, young));
	OK(!takes("label=a=2", NULL, young));
	OK(!takes("label=a=1", "label=c", young));
	OK(!takes("label=aa", NULL, young));
	OK(!takes("label!=a", NULL, young));
	OK(!takes("label!=a=1", NULL, young));
	OK(takes("label!=a=2", "label!=c", young));
	OK(!takes("label=a", "until=24h", young));
	return tap_done();
}
