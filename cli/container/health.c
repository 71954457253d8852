#include "health.h"
#include "cleanup.h"
#include "fs.h"
#include "lists.h"
#include "str.h"
#include <string.h>

#define T struct health_answer
static const struct json_type answer_type = JSON_TYPE(T, JSON_ALWAYS(T, start, "start"), JSON_ALWAYS(T, end, "end"),
	JSON_ALWAYS(T, exit_code, "exitCode"), JSON_ALWAYS(T, output, "output"));
#undef T
#define T struct health_document
const struct json_type health_type = JSON_TYPE(T, JSON_ALWAYS(T, status, "status"), JSON_ALWAYS(T, failing_streak, "failingStreak"),
	JSON_LIST(T, log, "log", answer_type));
#undef T

static const char file[] = "health.json";

bool health_asked(const struct record_health *h)
{
	return h->test && h->test[0] && h->test[1] && strcmp(h->test[0], "NONE") != 0;
}

char **health_words(const struct record_health *h, struct pool *pool)
{
	char *shell[] = { (char *) "/bin/sh", (char *) "-c", NULL };
	return str_eq(h->test[0], "CMD-SHELL") ? list_copy(pool, shell, h->test + 1) : list_copy(pool, h->test + 1, NULL);
}

static int64_t ms_of(int64_t ns, int64_t default_s)
{
	return ns > 0 ? (ns + 999999) / 1000000 : default_s * 1000;
}

int64_t health_timeout_ms(const struct record_health *h) { return ms_of(h->timeout, HEALTH_TIMEOUT_S); }

int64_t health_pause_ms(const struct record_health *h, const char *status, int64_t age_ms)
{
	bool starting = str_eq(status, "starting") && age_ms < h->start_period / 1000000;
	int64_t pause = ms_of(h->interval, HEALTH_INTERVAL_S), soon = ms_of(h->start_interval, HEALTH_START_INTERVAL_S);
	return starting && soon < pause ? soon : pause;
}

bool health_judge(const struct record_health *h, bool success, int64_t age_ms, char **status, int64_t *streak)
{
	const char *was = *status;
	int64_t retries = h->retries > 0 ? h->retries : HEALTH_RETRIES;
	if (success) {
		*streak = 0;
		*status = (char *) "healthy";
	} else if (!str_eq(was, "starting") || age_ms >= h->start_period / 1000000) {
		if (++*streak >= retries)
			*status = (char *) "unhealthy";
	}
	return !str_eq(was, *status);
}

int health_read(const struct container *c, struct pool *pool, struct health_document **ret, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r = fs_read_file(c->dir_fd, file, 1 << 20, &text, &len, err);
	return r < 0 ? r : json_decode(&health_type, text, len, pool, ret, err);
}

int health_write(const struct container *c, const struct health_answer *answer, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct health_document *was = NULL;
	struct health_answer log[HEALTH_LOG];
	struct health_document now = { .status = c->status.health, .failing_streak = c->status.failing_streak, .log = log };
	if (answer && health_read(c, &pool, &was, NULL) == 0) {
		size_t skip = was->n_log >= HEALTH_LOG ? was->n_log - (HEALTH_LOG - 1) : 0;
		for (size_t i = skip; i < was->n_log; i++)
			log[now.n_log++] = was->log[i];
	}
	if (answer)
		log[now.n_log++] = *answer;
	size_t len;
	cleanup_free char *text = json_encode(&health_type, &now, JSON_COMPACT, &len);
	return fs_replace_file(c->dir_fd, file, text, len, 0600, false, err);
}
