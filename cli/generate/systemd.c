/* A unit of systemd's own: it calls carrier, and carrier's process in the foreground is the service's. systemd.unit(5), systemd.service(5).
 *
 * `start --attach` and `run` end as the container ends, with its exit code, so Restart= works; what the container writes goes to the
 * journal. The monitor is in the unit's cgroup, and ends the container when systemd ends it. The container's own restart policy
 * would compete with systemd's: --new leaves it out.
 */
#include "created.h"
#include "cleanup.h"
#include "log.h"
#include "str.h"
#include <string.h>

enum { MARGIN_S = 60, DEFAULT_STOP_S = 10 };

/* what belongs to a terminal, to one start or to systemd */
static const char *const left_out[] = { "detach", "rm", "cidfile", "pidfile", "replace", "restart", "sig-proxy", "detach-keys", "attach",
	"interactive", "tty", "name", "log-driver", "log-opt", NULL };

static void add_option(struct buf *b, const struct created_option *o)
{
	cleanup_free char *word = o->flag ? xasprintf("--%s%s", o->name, str_eq(o->value, "true") ? "" : "=false") :
					    xasprintf("--%s=%s", o->name, o->value);
	unit_word(b, word);
}

/* carrier_words - the program and where its things are */
static void carrier_words(struct buf *b, const struct carrier *carrier, const struct unit_options *o)
{
	unit_word(b, o->program);
	const struct { const char *name, *value; } given[] = {
		{ "root", carrier->root_option ? carrier->root : NULL }, { "runroot", carrier->runroot_option ? carrier->runroot : NULL },
		{ "runtime", carrier->runtime }, { "cgroup-manager", carrier->cgroup_manager }, { "storage-driver", carrier->storage_driver },
	};
	for (size_t i = 0; i < sizeof given / sizeof *given; i++)
		if (given[i].value)
			add_option(b, &(struct created_option) { given[i].name, given[i].value, false });
	for (size_t i = 0; i < carrier->additional_stores.n; i++)
		add_option(b, &(struct created_option) { "additional-store", carrier->additional_stores.v[i], false });
}

/* run_words - the command line that made it, for the foreground */
static int run_words(struct buf *b, const struct container *c, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct created r;
	int code = created_read(c, &pool, &r, err);
	if (code < 0)
		return error_hint(err, "or leave --new out"), code;
	unit_word(b, "run");
	unit_word(b, "--replace");
	unit_word(b, "--rm");
	add_option(b, &(struct created_option) { "name", c->record.name, false });
	for (size_t i = 0; i < r.n; i++) {
		if (strings_have((char *const *) left_out, r.options[i].name))
			continue;
		if (str_starts(r.options[i].value, "./") || str_starts(r.options[i].value, "../"))
			log_warn("--%s %s: systemd starts the container elsewhere; give an absolute path", r.options[i].name, r.options[i].value);
		add_option(b, &r.options[i]);
	}
	if (r.args[0] && r.args[0][0] == '-')
		unit_word(b, "--");
	for (char **w = r.args; *w; w++)
		unit_word(b, *w);
	return 0;
}

int unit_systemd(const struct carrier *carrier, const struct container *c, const struct unit_options *o, char **ret, struct error *err)
{
	const struct record *rec = &c->record;
	const char *name = o->by_name || o->new_container ? rec->name : rec->id;
	int64_t time = o->stop_time >= 0 ? o->stop_time : rec->stop_timeout > 0 ? rec->stop_timeout : DEFAULT_STOP_S;
	struct buf start cleanup_buf = { 0 }, stop cleanup_buf = { 0 }, text cleanup_buf = { 0 };
	carrier_words(&start, carrier, o);
	carrier_words(&stop, carrier, o);
	if (o->new_container) {
		int r = run_words(&start, c, err);
		if (r < 0)
			return r;
	} else {
		unit_word(&start, "start");
		unit_word(&start, "--attach");
		unit_word(&start, name);
	}
	buf_printf(&stop, " stop --time %lld", (long long) time);
	unit_word(&stop, name);

	buf_printf(&text, "# made by `carrier generate systemd%s %s`\n"
		   "[Unit]\nDescription=Container %s\nDocumentation=man:carrier-generate-systemd(1)\n"
		   "Wants=network-online.target\nAfter=network-online.target\n"
		   "RequiresMountsFor=", o->new_container ? " --new" : "", rec->name, rec->name);
	unit_word(&text, carrier->root);
	buf_printf(&text, "\n\n[Service]\nType=exec\nRestart=%s\nTimeoutStopSec=%lld\n", o->restart ? o->restart : "on-failure",
		   (long long) time + MARGIN_S);
	/* the exit codes of a container that was stopped are no failure */
	buf_printf(&text, "SuccessExitStatus=143 SIGTERM\nDelegate=yes\nExecStart=%s\nExecStop=%s\n", buf_str(&start), buf_str(&stop));
	buf_printf(&text, "\n[Install]\nWantedBy=%s\n", carrier->rootless ? "default.target" : "multi-user.target");
	*ret = buf_take(&text);
	return 0;
}
