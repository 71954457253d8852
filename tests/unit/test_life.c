/* How containers live: restart policies, detach keys, health, log options, and the times that logs are asked for. */
#include "../../cli/container/detach_keys.h"
#include "../../cli/container/health.h"
#include "../../cli/container/life.h"
#include "../../cli/container/log_journal.h"
#include "../../cli/container/log_options.h"
#include "../../cli/words.h"
#include "cleanup.h"
#include "tap.h"

static void test_restart(void)
{
	static const struct { const char *word; int want; int64_t max; } good[] = {
		{ "no", RESTART_NO, 0 }, { "always", RESTART_ALWAYS, 0 }, { "unless-stopped", RESTART_UNLESS_STOPPED, 0 },
		{ "on-failure", RESTART_ON_FAILURE, 0 }, { "on-failure:5", RESTART_ON_FAILURE, 5 }, { "on-failure:0", RESTART_ON_FAILURE, 0 },
	};
	static const char *const bad[] = { "", "alway", "always:3", "no:1", "on-failure:", "on-failure:-1", "on-failure:x", "on-failure:1:2" };
	struct error err;
	enum restart_policy p;
	int64_t max;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		OK(restart_parse(good[i].word, &p, &max, &err) == 0 && (int) p == good[i].want && max == good[i].max);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		OK(restart_parse(bad[i], &p, &max, &err) == -EINVAL && strstr(err.text, "--restart"));
	OK(restart_parse("alway", &p, &max, &err) < 0 && strstr(err.text, "did you mean 'always'"));

	const struct record_life always = { .restart = (char *) "always" }, twice = { .restart = (char *) "on-failure", .restart_max = 2 }, no = { 0 };
	OK(restart_wanted(&always, 0, 1000, false));
	OK(!restart_wanted(&always, 0, 0, true));
	OK(restart_wanted(&twice, 1, 1, false));
	OK(!restart_wanted(&twice, 1, 2, false));
	OK(!restart_wanted(&twice, 0, 0, false));
	OK(!restart_wanted(&no, 1, 0, false));
}

static void test_delay(void)
{
	int64_t delay = 0, sum = 0;
	for (int i = 0; i < 9; i++)
		sum += delay = restart_delay_ms(delay, 0);
	OK(delay == 25600 && sum == 51100);
	OK(restart_delay_ms(25600, 9999) == 51200);
	OK(restart_delay_ms(51200, 0) == 60000);
	OK(restart_delay_ms(60000, 0) == 60000);
	OK(restart_delay_ms(60000, 10000) == 100);
}

/* type - what of @text gets through, in pieces of @step; "!" behind it when it detached */
static const char *type(const char *keys, const char *text, size_t step)
{
	static char out[256];
	struct detach_keys k;
	size_t n = 0, len, left = strlen(text);
	if (detach_keys_parse(keys, &k, NULL) < 0)
		return "bad";
	for (bool detached = false; left && !detached; text += step, left -= step) {
		step = left < step ? left : step;
		detached = detach_keys_pass(&k, text, step, out + n, &len);
		n += len;
		if (detached)
			out[n++] = '!';
	}
	out[n] = 0;
	return out;
}

static void test_detach_keys(void)
{
	static const char *const bad[] = { "ctrl-", "ctrl-1", "ab", "ctrl-p,", "a,,,b,", "ctrl-pp", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q" };
	struct detach_keys k;
	struct error err;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		OK(detach_keys_parse(bad[i], &k, &err) == -EINVAL && strstr(err.text, "--detach-keys"));
	OK(detach_keys_parse("CTRL-A,ctrl-_,x,,", &k, NULL) == 0 && k.n == 4 && k.keys[1] == 0x1f && k.keys[3] == ',');
	OK(detach_keys_parse("ctrl-A,ctrl-@,x", &k, NULL) == 0 && k.n == 3 && k.keys[0] == 1 && k.keys[1] == 0 && k.keys[2] == 'x');
	for (size_t step = 1; step < 6; step++) {
		OK_STR(type(NULL, "ab\020\021cd", step), "ab!");
		OK_STR(type(NULL, "a\020b\020\020\021", step), "a\020b\020!");
		OK_STR(type("", "\020\021", step), "\020\021");
		OK_STR(type("a,a,b", "aaab", step), "a!");	/* held back keys begin the sequence anew */
		OK_STR(type("a,b,a,c", "ababac", step), "ab!");
	}
}

static void test_health(void)
{
	const struct record_health h = { .test = (char *[]) { (char *) "CMD", (char *) "true", NULL }, .retries = 2, .start_period = 5000000000,
					 .interval = 30000000000 };
	const struct record_health none = { .test = (char *[]) { (char *) "NONE", NULL } }, bare = { 0 };
	char *status = (char *) "starting";
	int64_t streak = 0;
	OK(health_asked(&h) && !health_asked(&none) && !health_asked(&bare));
	OK(!health_judge(&h, false, 1000, &status, &streak) && streak == 0);	/* the start period forgives */
	OK(!health_judge(&h, false, 4999, &status, &streak) && streak == 0);
	OK(!health_judge(&h, false, 5000, &status, &streak) && streak == 1);
	OK(health_judge(&h, false, 6000, &status, &streak) && streak == 2);
	OK_STR(status, "unhealthy");
	OK(!health_judge(&h, false, 6000, &status, &streak) && streak == 3);
	OK(health_judge(&h, true, 6000, &status, &streak) && streak == 0);
	OK_STR(status, "healthy");
	status = (char *) "starting";
	OK(health_judge(&h, true, 10, &status, &streak));
	OK(!health_judge(&h, false, 20, &status, &streak) && streak == 1);	/* once it was healthy, the start period is over */
	OK(health_pause_ms(&h, "starting", 0) == 5000);
	OK(health_pause_ms(&h, "starting", 5000) == 30000);
	OK(health_pause_ms(&h, "healthy", 0) == 30000);
	OK(health_pause_ms(&bare, "healthy", 0) == 30000 && health_timeout_ms(&bare) == 30000);

	struct pool pool CLEANUP(pool_done) = { 0 };
	const struct record_health shell = { .test = (char *[]) { (char *) "CMD-SHELL", (char *) "exit 1", NULL } };
	char **words = health_words(&shell, &pool);
	OK_STR(words[0], "/bin/sh");
	OK_STR(words[2], "exit 1");
	OK_STR(health_words(&h, &pool)[0], "true");
}

/* log_error - what log_options_parse() says of a driver and options with blanks between; "" when nothing is wrong */
static const char *log_error(const char *driver, const char *opts, struct record_log *ret)
{
	static struct error err;
	static struct pool pool;
	struct strings list cleanup_strings = { 0 };
	strings_split(&list, opts, " ");
	*ret = (struct record_log) { 0 };
	err.text[0] = 0;
	int r = log_options_parse(driver, &list, &pool, ret, &err);
	return r < 0 ? err.text : "";
}

static void test_log_options(void)
{
	static const struct { const char *driver, *opts, *says; } bad[] = {
		{ "json-fil", "", "did you mean" }, { "json-file", "max-size=0", "size" }, { "json-file", "max-size=100", "least" },
		{ "json-file", "max-size=x", "size" }, { "json-file", "max-file=2", "max-size" }, { "json-file", "max-file=0", "number" },
		{ "json-file", "max-size", "NAME=VALUE" }, { "none", "max-size=1m", "no option" }, { "passthrough", "tag=x", "no option" },
		{ "k8s-file", "env=x", "no option 'env'" }, { "json-file", "path=", "name of a file" },
	};
	struct record_log l;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		OK(strstr(log_error(bad[i].driver, bad[i].opts, &l), bad[i].says));
	OK_STR(log_error(NULL, "", &l), "");
	OK(l.driver == NULL && log_driver_of(&l) == LOG_JSON_FILE);
	OK_STR(log_error("k8s-file", "max-size=2k max-file=3 path=/x/y", &l), "");
	OK(log_driver_of(&l) == LOG_K8S_FILE && l.max_size == 2048 && l.max_file == 3);
	OK_STR(l.path, "/x/y");
	OK_STR(log_error("json-file", "max-size=-1", &l), "");
	OK(l.max_size == 0);

	const struct container c = { .record = { .id = (char *) "0123456789abcdef", .name = (char *) "web", .image = (char *) "nginx" } };
	cleanup_free char *tag = log_tag("{{.Name}}/{{.ID}} {{.ImageName}} {{x", &c), *plain = log_tag(NULL, &c);
	OK_STR(tag, "web/0123456789ab nginx {{x");
	OK_STR(plain, "0123456789ab");
}

static void test_moments(void)
{
	const int64_t now = 1700000000000000000;
	static const struct { const char *text; int64_t want; } good[] = {
		{ "10m", now - 600000000000 }, { "1h30m", now - 5400000000000 }, { "1.5s", now - 1500000000 }, { "1699999999", now - 1000000000 },
		{ "1699999999.25", now - 750000000 }, { "2023-11-14T22:13:20Z", now }, { "2023-11-14T22:13:20.5Z", now + 500000000 },
		{ "2023-11-14T23:13:20+01:00", now }, { "0", 0 },
	};
	static const char *const bad[] = { "", "yesterday", "10x", "2023-11", "2023-11-14T", "1.2.3", "-5m" };
	int64_t got;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!OK(words_moment(good[i].text, now, &got) == 0 && got == good[i].want))
			printf("# %s\n", good[i].text);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (!OK(words_moment(bad[i], now, &got) == -EINVAL))
			printf("# %s\n", bad[i]);
	OK(words_moment("2023-11-14", now, &got) == 0 && got % 1000000000 == 0);
	OK(words_nanoseconds("500ms", &got) == 0 && got == 500000000);
	OK(words_nanoseconds("1us2ns", &got) == 0 && got == 1002);
	OK(words_nanoseconds("5", &got) < 0 && words_nanoseconds("", &got) < 0 && words_nanoseconds("-1s", &got) < 0);
}

int main(void)
{
	test_restart();
	test_delay();
	test_detach_keys();
	test_health();
	test_log_options();
	test_moments();
	return tap_done();
}
