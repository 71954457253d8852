/* life.h - what run's and create's options say about how a container lives: who attends it, where its output goes, when it is started
 * again, how its health is looked at, how it ends. Where docker has the option, its meaning is docker's; the rest is podman's.
 *
 *	run_options has a `struct life_options life`; its table has LIFE_OPTION_ROWS, and RUN_ONLY_OPTION_ROWS where it is for run alone
 *	life_to_record()	finds everything that can be wrong, before anything is made
 *	record.life		what the monitor goes by; all zero is docker's default, and what older records have
 */
#pragma once
#include "command.h"
#include "json.h"
#include "mem.h"

struct life_options {
	/* run alone */
	bool sig_proxy;			/* true unless --sig-proxy=false */
	char *detach_keys;
	struct strings attach;
	/* run and create */
	char *restart, *log_driver;
	struct strings log_opts;
	int64_t timeout, health_retries;
	char *health_cmd, *health_interval, *health_timeout, *health_start_period, *health_start_interval, *health_on_failure;
	bool no_healthcheck, init, replace;
	char *init_path;
};
#define LIFE_OPTIONS_DEFAULT { .sig_proxy = true }

enum { LIFE_RUN_OPTION_ROWS_N = 3, LIFE_OPTION_ROWS_N = 15 };
/* rows for a table: @T has a struct life_options @m */
#define LIFE_RUN_OPTION_ROWS(T, m) \
	OPTION(T, m.sig_proxy, 0, "sig-proxy", NULL, "pass on signals to the container's process (default)"), \
	OPTION(T, m.detach_keys, 0, "detach-keys", "KEYS", "what detaches from its terminal (default: ctrl-p,ctrl-q; \"\": nothing)"), \
	OPTION(T, m.attach, 'a', "attach", "stdin|stdout|stderr", "attach to this alone; again for more")
#define LIFE_OPTION_ROWS(T, m) \
	OPTION(T, m.restart, 0, "restart", "POLICY", \
	       "start it again when it ends: no (the default), on-failure[:TIMES], always, unless-stopped"), \
	OPTION(T, m.timeout, 0, "timeout", "SECONDS", "kill it when it has run this long"), \
	OPTION(T, m.init, 0, "init", NULL, "a small program is its first process: it passes on signals and reaps processes"), \
	OPTION(T, m.init_path, 0, "init-path", "FILE", "the program of --init (default: carrier-init)"), \
	OPTION(T, m.replace, 0, "replace", NULL, "remove the container that has this name, even if it runs"), \
	OPTION(T, m.log_driver, 0, "log-driver", "json-file|k8s-file|journald|none|passthrough", \
	       "where its output is kept (default: json-file)"), \
	OPTION(T, m.log_opts, 0, "log-opt", "NAME=VALUE", "max-size=SIZE, max-file=N, path=FILE or tag=TEXT; again for more"), \
	OPTION(T, m.health_cmd, 0, "health-cmd", "COMMAND", "a shell command in it that tells whether it is well, or a JSON list of words"), \
	OPTION(T, m.health_interval, 0, "health-interval", "TIME", "how often it is asked (default: 30s)"), \
	OPTION(T, m.health_timeout, 0, "health-timeout", "TIME", "how long an answer may take (default: 30s)"), \
	OPTION(T, m.health_retries, 0, "health-retries", "N", "failures in a row that make it unhealthy (default: 3)"), \
	OPTION(T, m.health_start_period, 0, "health-start-period", "TIME", "failures do not count so soon after its start (default: 0s)"), \
	OPTION(T, m.health_start_interval, 0, "health-start-interval", "TIME", "how often it is asked in that time (default: 5s)"), \
	OPTION(T, m.health_on_failure, 0, "health-on-failure", "none|kill|restart|stop", "what happens to one that is unhealthy (default: none)"), \
	OPTION(T, m.no_healthcheck, 0, "no-healthcheck", NULL, "do not ask, whatever the image says")

enum restart_policy { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS, RESTART_UNLESS_STOPPED };

enum log_driver { LOG_JSON_FILE, LOG_K8S_FILE, LOG_JOURNALD, LOG_NONE, LOG_PASSTHROUGH };
struct record_log {
	char *driver;			/* NULL: json-file */
	int64_t max_size, max_file;	/* 0: no limit; 0: 1 */
	char *path, *tag;
};

struct record_health {
	char **test;			/* as docker's: "CMD", words... or "CMD-SHELL", text; NULL: none */
	int64_t interval, timeout, start_period, start_interval;	/* nanoseconds, as docker's; 0: the default */
	int64_t retries;
	char *on_failure;		/* NULL: none */
};

struct record_life {
	char *restart;			/* docker's word; NULL: no */
	int64_t restart_max;		/* of on-failure; 0: no limit */
	int64_t timeout;		/* seconds; 0: none */
	char *init;			/* the program on the host; NULL: none */
	bool stdin_once;		/* stdin ends with the first client's */
	struct record_log log;
	struct record_health health;
};
extern const struct json_type record_life_type;

enum { HEALTH_INTERVAL_S = 30, HEALTH_TIMEOUT_S = 30, HEALTH_START_INTERVAL_S = 5, HEALTH_RETRIES = 3 };

struct run_options;
struct image_healthcheck;
/* life_to_record - @of_image: what the image says of its health, or NULL; @pool owns what @ret points to */
int life_to_record(const struct run_options *o, const struct image_healthcheck *of_image, struct pool *pool, struct record_life *ret,
		   struct error *err);

/* restart_parse - "on-failure:5"; @ret_max: 5, or 0. -EINVAL with a sentence */
int restart_parse(const char *word, enum restart_policy *ret, int64_t *ret_max, struct error *err);
enum restart_policy restart_policy_of(const struct record_life *l);
const char *restart_word(enum restart_policy p);
/* restart_wanted - after an end with @exit_code, when it was started again @times already
 * @stopped: a person has ended it; then no policy holds */
bool restart_wanted(const struct record_life *l, int64_t exit_code, int64_t times, bool stopped);
/* restart_delay_ms - docker's back-off: 100 ms, twice as long each time, a minute at most; anew after 10 s of life
 * @last_ms: the delay before, 0 at first; @lived_ms: how long it ran */
int64_t restart_delay_ms(int64_t last_ms, int64_t lived_ms);

/* log_driver_of - of a record */
enum log_driver log_driver_of(const struct record_log *l);
