/* woody-systemd - the only program that talks to systemd. woody executes it for the systemd cgroup driver, so that a woody
 * that is never asked for it neither loads libsystemd nor depends on it.
 *
 *	woody-systemd [--user] start UNIT PROPERTY...	a transient scope; done when systemd's job is
 *	woody-systemd [--user] set UNIT PROPERTY...	change properties of a running unit, until the next boot; what they were is
 *							printed as arguments for another `set`, one a line
 *	woody-systemd [--user] stop UNIT		stop it and forget its failure; one that is not there is success
 *	woody-systemd [--user] attach UNIT SUB PID	move a process into the unit's cgroup, or SUB ("/x") below it
 *
 * PROPERTY is NAME SIGNATURE VALUE...: D-Bus' signature, and the words of the value: one for each basic type, arrays begin with
 * their number of elements, structs are their members. `PIDs au 1 4711`, `DeviceAllow a(ss) 1 /dev/null rw`.
 *
 * --user: the user's own manager instead of the system's. Each is asked over its bus, or directly at its private socket
 * where there is no bus.
 * Exit code: 0; 1 with one sentence on stderr, which becomes woody's; 2 when it was called wrongly. A unit that
 * was made and then could not be started is removed again.
 * org.freedesktop.systemd1(5), sd-bus(3).
 */
#include "cleanup.h"
#include "error.h"
#include "mem.h"
#include "str.h"
#include <stdbool.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

enum { START_TIMEOUT_S = 30, STOP_TIMEOUT_S = 120 };	/* a scope that is stopped may take its TimeoutStopSec, 90 s */

static const char destination[] = "org.freedesktop.systemd1", manager_path[] = "/org/freedesktop/systemd1",
	manager[] = "org.freedesktop.systemd1.Manager";

#define cleanup_bus CLEANUP(sd_bus_flush_close_unrefp)
#define cleanup_message CLEANUP(sd_bus_message_unrefp)
#define cleanup_bus_error CLEANUP(sd_bus_error_free)

/* explain - what systemd said, else what sd-bus did */
static int explain(int r, const sd_bus_error *e, struct error *err, const char *what, const char *unit)
{
	const char *reason = e && e->message ? e->message : strerror(-r);
	size_t len = strlen(reason);
	return error_say(err, -r, "systemd: %s '%s': %.*s", what, unit, (int) (len && reason[len - 1] == '.' ? len - 1 : len), reason);
}

static bool is_missing(const sd_bus_error *e)
{
	return sd_bus_error_has_name(e, "org.freedesktop.systemd1.NoSuchUnit");
}

/* ---- values ---- */

/* struct words - what is left of the arguments */
struct words { char **v; };

static int bad_value(const char *type, const char *word, struct error *err)
{
	return error_say(err, EINVAL, "'%s' is no value of type '%.1s'", word ? word : "", type);
}

static int append_number(sd_bus_message *m, char type, const char *word)
{
	static const struct { char type; bool sign; uint64_t max; } types[] = {
		{ 'y', false, UINT8_MAX }, { 'q', false, UINT16_MAX }, { 'u', false, UINT32_MAX }, { 't', false, UINT64_MAX },
		{ 'n', true, INT16_MAX }, { 'i', true, INT32_MAX }, { 'x', true, INT64_MAX },
	};
	union { uint64_t u; int64_t i; uint32_t u32; int32_t i32; uint16_t u16; int16_t i16; uint8_t u8; } v;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (types[i].type != type)
			continue;
		int64_t max = types[i].sign ? (int64_t) types[i].max : 0;
		int r = types[i].sign ? str_to_i64(word, -max - 1, max, &v.i) : str_to_u64(word, types[i].max, &v.u);
		if (r < 0)
			return r;
		switch (type) {
		case 'y': v.u8 = (uint8_t) v.u; break;
		case 'q': v.u16 = (uint16_t) v.u; break;
		case 'u': v.u32 = (uint32_t) v.u; break;
		case 'n': v.i16 = (int16_t) v.i; break;
		case 'i': v.i32 = (int32_t) v.i; break;
		}
		return sd_bus_message_append_basic(m, type, &v);
	}
	return -EINVAL;
}

static int append_basic(sd_bus_message *m, const char *type, const char *word, struct error *err)
{
	int r = -EINVAL;
	if (!word)
		return bad_value(type, word, err);
	if (*type == 's' || *type == 'o' || *type == 'g') {
		r = sd_bus_message_append_basic(m, *type, word);
	} else if (*type == 'b') {
		int yes = strcmp(word, "true") == 0;
		if (yes || strcmp(word, "false") == 0)
			r = sd_bus_message_append_basic(m, 'b', &yes);
	} else if (*type == 'd') {
		char *end;
		double v = strtod(word, &end);
		if (end != word && *end == 0)
			r = sd_bus_message_append_basic(m, 'd', &v);
	} else {
		r = append_number(m, *type, word);
	}
	return r < 0 ? bad_value(type, word, err) : 0;
}

/* type_length - of the first complete type in a signature: "a(ss)" of "a(ss)i"; 0: malformed */
static size_t type_length(const char *sig)
{
	size_t n = strspn(sig, "a");
	if (sig[n] != '(')
		return sig[n] && strchr("ybnqiuxtdsog", sig[n]) ? n + 1 : 0;
	n++;
	while (sig[n] != ')') {
		size_t member = type_length(sig + n);
		if (member == 0)
			return 0;
		n += member;
	}
	return n + 1;
}

/* append_value - of the type at @sig, @len long; takes its words */
static int append_value(sd_bus_message *m, const char *sig, size_t len, struct words *w, struct error *err)
{
	if (*sig != 'a' && *sig != '(') {
		int r = append_basic(m, sig, *w->v, err);
		w->v += r == 0;
		return r;
	}
	bool array = *sig == 'a';
	uint64_t count = 1;
	if (array && (!*w->v || str_to_u64(*w->v++, 1 << 20, &count) < 0))
		return error_say(err, EINVAL, "an array begins with the number of its elements");
	cleanup_free char *inner = array ? xstrndup(sig + 1, len - 1) : xstrndup(sig + 1, len - 2);
	int r = sd_bus_message_open_container(m, array ? 'a' : 'r', inner);
	for (; r >= 0 && count; count--)
		for (const char *p = inner; r >= 0 && *p; p += type_length(p))
			r = append_value(m, p, type_length(p), w, err);
	if (r < 0)
		return r;
	r = sd_bus_message_close_container(m);
	return r < 0 ? error_set(err, -r, "compose a value of type '%s'", sig) : 0;
}

static int append_property(sd_bus_message *m, struct words *w, struct error *err)
{
	const char *name = w->v[0], *sig = w->v[1];
	size_t len = sig ? type_length(sig) : 0;
	if (len == 0 || sig[len])
		return error_say(err, EINVAL, "property '%s' has no valid type: '%s'", name, sig ? sig : "");
	w->v += 2;
	int r = sd_bus_message_open_container(m, 'r', "sv");
	if (r >= 0)
		r = sd_bus_message_append_basic(m, 's', name);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', sig);
	if (r < 0)
		return error_set(err, -r, "compose the property '%s'", name);
	r = append_value(m, sig, len, w, err);
	if (r < 0)
		return error_wrap(err, "property '%s'", name);
	r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? error_set(err, -r, "compose the property '%s'", name) : 0;
}

/* append_properties - @names: NULL, or gets name and signature of each */
static int append_properties(sd_bus_message *m, char **words, struct strings *names, struct error *err)
{
	struct words w = { words };
	int r = sd_bus_message_open_container(m, 'a', "(sv)");
	while (r >= 0 && *w.v) {
		for (size_t i = 0; names && i < 2 && w.v[i]; i++)
			strings_add(names, w.v[i]);
		r = append_property(m, &w, err);
		if (r < 0)
			return r;
	}
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? error_set(err, -r, "compose the properties") : 0;
}

/* ---- values that are there ---- */

static int put_basic(sd_bus_message *m, char type, struct strings *out)
{
	union { uint64_t t; int64_t x; uint32_t u; int32_t i; uint8_t y; int b; const char *s; } v = { 0 };
	if (!strchr("txuiybsog", type))
		return -EINVAL;
	int r = sd_bus_message_read_basic(m, type, &v);
	if (r < 0)
		return r;
	switch (type) {
	case 't': strings_printf(out, "%llu", (unsigned long long) v.t); break;
	case 'x': strings_printf(out, "%lld", (long long) v.x); break;
	case 'u': strings_printf(out, "%u", v.u); break;
	case 'i': strings_printf(out, "%d", v.i); break;
	case 'y': strings_printf(out, "%u", v.y); break;
	case 'b': strings_add(out, v.b ? "true" : "false"); break;
	default:
		if (!*v.s || strchr(v.s, '\n'))	/* not to be told on a line */
			return -EINVAL;
		strings_add(out, v.s);
	}
	return 0;
}

/* put_value - the next value of @m as words. Return: 1, 0 when there is none, or negative */
static int put_value(sd_bus_message *m, struct strings *out)
{
	struct strings inner cleanup_strings = { 0 };
	const char *contents;
	char type;
	int n = 0, r = sd_bus_message_peek_type(m, &type, &contents);
	if (r <= 0)
		return r;
	if (type != 'a' && type != 'r') {
		r = put_basic(m, type, out);
		return r < 0 ? r : 1;
	}
	r = sd_bus_message_enter_container(m, type, contents);
	while (r >= 0 && (r = put_value(m, &inner)) > 0)
		n++;
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	if (r < 0)
		return r;
	if (type == 'a')
		strings_printf(out, "%d", n);
	for (size_t i = 0; i < inner.n; i++)
		strings_add(out, inner.v[i]);
	return 1;
}

/* put_property - what brings it back; nothing when that cannot be told */
static void put_property(sd_bus *bus, const char *path, const char *name, const char *sig, struct strings *out)
{
	cleanup_message sd_bus_message *m = NULL;
	struct strings value cleanup_strings = { 0 };
	if (sd_bus_get_property(bus, destination, path, "org.freedesktop.systemd1.Scope", name, NULL, &m, sig) < 0 ||
	    put_value(m, &value) <= 0)
		return;
	if (sig[0] == 'a' && sig[1] == '(') {	/* to such a list is added, unless it is emptied */
		strings_add(out, name);
		strings_add(out, sig);
		strings_add(out, "0");
	}
	strings_add(out, name);
	strings_add(out, sig);
	for (size_t i = 0; i < value.n; i++)
		strings_add(out, value.v[i]);
}

/* ---- connecting ---- */

/* socket_address - in the syntax of D-Bus, where most characters are written as %xx */
static char *socket_address(const char *dir, const char *name)
{
	struct buf b cleanup_buf = { 0 };
	buf_puts(&b, "unix:path=");
	cleanup_free char *path = xasprintf("%s/%s", dir, name);
	for (const char *p = path; *p; p++)
		if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || strchr("-_/.", *p))
			buf_putc(&b, *p);
		else
			buf_printf(&b, "%%%02x", (unsigned char) *p);
	return buf_take(&b);
}

/* connect_at - and subscribe to the manager's signals, which tells at once whether there is one behind that socket */
static int connect_at(const char *address, bool bus, sd_bus **ret, struct error *err)
{
	cleanup_bus sd_bus *b = NULL;
	sd_bus_error e cleanup_bus_error = SD_BUS_ERROR_NULL;
	int r = sd_bus_new(&b);
	if (r >= 0)
		r = sd_bus_set_address(b, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(b, bus);
	if (r >= 0)
		r = sd_bus_start(b);
	if (r >= 0)
		r = sd_bus_call_method(b, destination, manager_path, manager, "Subscribe", &e, NULL, NULL);
	if (r < 0)	/* podman sorts errors by the words of ENOENT, and means the container's program by them */
		return error_say(err, -r, "%s: %s", address, r == -ENOENT ? "no such socket" : e.message ? e.message : strerror(-r));
	*ret = take_ptr(b);
	return 0;
}

static int connect_any(char *const *addresses, size_t n, const char *remedy, sd_bus **ret, struct error *err)
{
	struct buf tried cleanup_buf = { 0 };
	for (size_t i = 0; i < n; i++) {
		struct error one = { 0 };
		bool bus = i + 1 < n;	/* the private socket comes last */
		if (connect_at(addresses[i], bus, ret, &one) == 0)
			return 0;
		buf_printf(&tried, "%s%s", i ? "; " : "", one.text);
	}
	return error_say(err, ENOTCONN, "systemd cannot be asked for a scope (%s); %s, or use --cgroup-manager cgroupfs",
			 buf_str(&tried), remedy);
}

static int open_bus(bool user, sd_bus **ret, struct error *err)
{
	struct strings at cleanup_strings = { 0 };
	if (!user) {
		strings_add(&at, "unix:path=/run/dbus/system_bus_socket");
		strings_add(&at, "unix:path=/run/systemd/private");
		return connect_any(at.v, at.n, "be root of a machine that systemd runs", ret, err);
	}
	const char *session = getenv("DBUS_SESSION_BUS_ADDRESS"), *dir = getenv("XDG_RUNTIME_DIR");
	if (str_empty(session) && str_empty(dir))
		return error_say(err, ENOTCONN, "the user's systemd cannot be found: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is "
				 "set; log in as that user, or use --cgroup-manager cgroupfs");
	if (!str_empty(session))
		strings_add(&at, session);
	if (str_empty(dir))
		dir = "/nonexistent";
	strings_take(&at, socket_address(dir, "bus"));
	strings_take(&at, socket_address(dir, "systemd/private"));
	return connect_any(at.v, at.n, "log in as that user or run `loginctl enable-linger`", ret, err);
}

/* ---- jobs ---- */

struct job { const char *path; char *result; };

static int on_job_removed(sd_bus_message *m, void *data, sd_bus_error *e)
{
	struct job *job = data;
	const char *path, *result;
	(void) e;
	if (sd_bus_message_read(m, "uoss", NULL, &path, NULL, &result) >= 0 && job->path && !job->result &&
	    strcmp(path, job->path) == 0)
		job->result = xstrdup(result);
	return 0;
}

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* await - until the job has gone: "done", "failed", "timeout" ... */
static int await(sd_bus *bus, struct job *job, int timeout_s)
{
	int64_t end = now_us() + timeout_s * 1000000LL;
	while (!job->result) {
		int r = sd_bus_process(bus, NULL);
		if (r < 0)
			return r;
		int64_t left = end - now_us();
		if (left <= 0)
			return -ETIMEDOUT;
		if (r == 0 && !job->result)
			r = sd_bus_wait(bus, (uint64_t) left);
		if (r < 0 && r != -EINTR)
			return r;
	}
	return 0;
}

/* run_job - send @m, whose answer is a job, and wait for that job's end. Its signal must be listened for before. */
static int run_job(sd_bus *bus, sd_bus_message *m, int timeout_s, const char *what, const char *unit, sd_bus_error *e,
		   struct error *err)
{
	struct job job = { 0 };
	cleanup_message sd_bus_message *reply = NULL;
	sd_bus_slot *slot = NULL;
	int r = sd_bus_match_signal(bus, &slot, NULL, manager_path, manager, "JobRemoved", on_job_removed, &job);
	if (r >= 0)
		r = sd_bus_call(bus, m, 0, e, &reply);
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &job.path);
	if (r >= 0)
		r = await(bus, &job, timeout_s);
	sd_bus_slot_unref(slot);
	cleanup_free char *result = job.result;
	if (r < 0)
		return explain(r, e, err, what, unit);
	if (!str_eq(result, "done"))
		return error_say(err, EIO, "systemd: %s '%s': the job ended with '%s'; see `systemctl status`", what, unit, result);
	return 0;
}

/* ---- operations ---- */

static int call_unit(sd_bus *bus, const char *method, const char *unit, sd_bus_error *e)
{
	return sd_bus_call_method(bus, destination, manager_path, manager, method, e, NULL, "s", unit);
}

static int stop(sd_bus *bus, const char *unit, char **words, struct error *err)
{
	(void) words;
	cleanup_message sd_bus_message *m = NULL;
	sd_bus_error e cleanup_bus_error = SD_BUS_ERROR_NULL;
	int r = sd_bus_message_new_method_call(bus, &m, destination, manager_path, manager, "StopUnit");
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", unit, "replace");
	if (r < 0)
		return explain(r, NULL, err, "stop", unit);
	r = run_job(bus, m, STOP_TIMEOUT_S, "stop", unit, &e, err);
	if (r < 0)
		return is_missing(&e) ? 0 : r;
	(void) call_unit(bus, "ResetFailedUnit", unit, NULL);	/* one that did not fail is gone by now */
	return 0;
}

static int start_once(sd_bus *bus, const char *unit, char **words, sd_bus_error *e, struct error *err)
{
	cleanup_message sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(bus, &m, destination, manager_path, manager, "StartTransientUnit");
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", unit, "fail");
	if (r < 0)
		return explain(r, NULL, err, "start", unit);
	r = append_properties(m, words, NULL, err);
	if (r < 0)
		return r;
	r = sd_bus_message_append(m, "a(sa(sv))", 0);	/* no other units */
	return r < 0 ? explain(r, NULL, err, "start", unit) : run_job(bus, m, START_TIMEOUT_S, "start", unit, e, err);
}

static int start(sd_bus *bus, const char *unit, char **words, struct error *err)
{
	sd_bus_error e cleanup_bus_error = SD_BUS_ERROR_NULL;
	int r = start_once(bus, unit, words, &e, err);
	if (r < 0 && sd_bus_error_has_name(&e, "org.freedesktop.systemd1.UnitExists")) {
		/* the failed one of an earlier container is in the way, if it is no running one */
		sd_bus_error_free(&e);
		(void) call_unit(bus, "ResetFailedUnit", unit, NULL);
		r = start_once(bus, unit, words, &e, err);
	}
	/* without an error of the call there was a job, and so a unit; ours */
	if (r < 0 && !sd_bus_error_is_set(&e) && r != -EINVAL)
		(void) stop(bus, unit, NULL, NULL);
	return r;
}

static int set(sd_bus *bus, const char *unit, char **words, struct error *err)
{
	cleanup_message sd_bus_message *m = NULL;
	sd_bus_error e cleanup_bus_error = SD_BUS_ERROR_NULL;
	struct strings names cleanup_strings = { 0 }, former cleanup_strings = { 0 };
	cleanup_free char *path = NULL;
	int r = sd_bus_message_new_method_call(bus, &m, destination, manager_path, manager, "SetUnitProperties");
	if (r >= 0)
		r = sd_bus_message_append(m, "sb", unit, 1);
	if (r < 0)
		return explain(r, NULL, err, "change", unit);
	r = append_properties(m, words, &names, err);
	if (r < 0)
		return r;
	if (sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path) >= 0)
		for (size_t i = 0; i + 1 < names.n; i += 2)
			put_property(bus, path, names.v[i], names.v[i + 1], &former);
	r = sd_bus_call(bus, m, 0, &e, NULL);
	if (r < 0)
		return explain(r, &e, err, "change", unit);
	for (size_t i = 0; i < former.n; i++)
		puts(former.v[i]);
	return 0;
}

static int attach(sd_bus *bus, const char *unit, char **words, struct error *err)
{
	sd_bus_error e cleanup_bus_error = SD_BUS_ERROR_NULL;
	uint64_t pid;
	if (!words[0] || !words[1] || str_to_u64(words[1], INT32_MAX, &pid) < 0)
		return error_say(err, EINVAL, "attach UNIT SUB PID");
	int r = sd_bus_call_method(bus, destination, manager_path, manager, "AttachProcessesToUnit", &e, NULL, "ssau", unit, words[0],
				   1, (uint32_t) pid);
	return r < 0 ? explain(r, &e, err, "move a process into", unit) : 0;
}

static const struct operation {
	const char *name;
	int (*run)(sd_bus *bus, const char *unit, char **words, struct error *err);
} operations[] = { { "start", start }, { "set", set }, { "stop", stop }, { "attach", attach } };

static const struct operation *find_operation(const char *name)
{
	for (size_t i = 0; name && i < sizeof operations / sizeof *operations; i++)
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	return NULL;
}

int main(int argc, char **argv)
{
	struct error err = { 0 };
	char **words = argv + (argc > 0);
	bool user = *words && strcmp(*words, "--user") == 0;
	words += user;
	const struct operation *op = find_operation(*words);
	if (!op || !words[1]) {
		fputs("usage: woody-systemd [--user] start|set|stop|attach UNIT ...\nwoody executes it: see woody(8), --cgroup-manager\n",
		      stderr);
		return 2;
	}
	cleanup_bus sd_bus *bus = NULL;
	int r = open_bus(user, &bus, &err);
	if (r == 0)
		r = op->run(bus, words[1], words + 2, &err);
	if (r < 0)
		fprintf(stderr, "%s\n", err.text);
	return r < 0;
}
