/* health.h - what the answers to a health check mean: docker's rules.
 *
 * A check is asked every interval; in the start period every start interval, and there failures do not count until the first success.
 * A success makes the container healthy, `retries` failures in a row make it unhealthy. The last 5 answers are kept in health.json:
 *	{"status":"healthy","failingStreak":0,"log":[{"start":"...","end":"...","exitCode":0,"output":"..."}]}
 * and status.json has "health" and "failingStreak", so that ps needs no further file. The file of the last run stays when it ends.
 */
#pragma once
#include "record.h"

enum { HEALTH_LOG = 5, HEALTH_OUTPUT_MAX = 4096 };

struct health_answer { char *start, *end; int64_t exit_code; char *output; };	/* exit_code -1: it took too long */
struct health_document {
	char *status;
	int64_t failing_streak;
	struct health_answer *log;	/* oldest first */
	size_t n_log;
};
extern const struct json_type health_type;

/* health_asked - has it a check? */
bool health_asked(const struct record_health *h);
/* health_words - the command of a check, as words: CMD's own, or a shell's. NULL-terminated; @pool owns the list, not the words */
char **health_words(const struct record_health *h, struct pool *pool);
int64_t health_timeout_ms(const struct record_health *h);
/* health_pause_ms - from one answer (or the start) to the next question, @age_ms after the container's start, with @status */
int64_t health_pause_ms(const struct record_health *h, const char *status, int64_t age_ms);

/* health_judge - one more answer
 * @status, @streak: as they were, and become; status is one of docker's words, static
 * Return: true when it is another status now */
bool health_judge(const struct record_health *h, bool success, int64_t age_ms, char **status, int64_t *streak);

/* health_read - health.json of a container; -ENOENT when it has none. @pool owns it */
int health_read(const struct container *c, struct pool *pool, struct health_document **ret, struct error *err);
/* health_write - replace it, with @answer behind the last four of those that are there (NULL: none at all) */
int health_write(const struct container *c, const struct health_answer *answer, struct error *err);
