#include "doctor.h"
#include "cleanup.h"
#include "fs.h"
#include "idmap.h"
#include "proc.h"
#include "str.h"
#include <fcntl.h>
#include <string.h>

void doctor_done(struct doctor *d)
{
	pool_done(&d->pool);
	cleanup_freep(&d->list);
	*d = (struct doctor) { 0 };
}

__attribute__((format(printf, 5, 0)))
static void add(struct doctor *d, const char *level, bool fixed, const char *remedy, const char *fmt, va_list ap)
{
	if (d->n == d->size) {
		d->size = d->size ? 2 * d->size : 64;
		d->list = xreallocarray(d->list, d->size, sizeof *d->list);
	}
	cleanup_free char *text = xvasprintf(fmt, ap);
	d->list[d->n++] = (struct finding) {
		.code = pool_strdup(&d->pool, d->now->code), .name = pool_strdup(&d->pool, d->now->name), .level = pool_strdup(&d->pool, level),
		.text = pool_strdup(&d->pool, text), .remedy = remedy ? pool_strdup(&d->pool, remedy) : NULL, .fixed = fixed,
	};
}

#define SAY(level, fixed, remedy) do { \
		va_list ap_; \
		va_start(ap_, fmt); \
		add(d, level, fixed, remedy, fmt, ap_); \
		va_end(ap_); \
	} while (0)

void doctor_ok(struct doctor *d, const char *fmt, ...) { SAY("ok", false, NULL); }
void doctor_more(struct doctor *d, const char *remedy, const char *fmt, ...) { SAY("ok", false, remedy); }
void doctor_warn(struct doctor *d, const char *remedy, const char *fmt, ...) { SAY("warn", false, remedy); }
void doctor_bad(struct doctor *d, const char *remedy, const char *fmt, ...) { SAY("bad", false, remedy); }
void doctor_fixed(struct doctor *d, const char *fmt, ...) { SAY("ok", true, NULL); }

void doctor_error(struct doctor *d, bool bad, const struct error *err)
{
	const char *remedy = NULL;
	for (const char *s = err->text; (s = strstr(s, "; ")); s += 2)
		remedy = s;
	int len = remedy ? (int) (remedy - err->text) : (int) strlen(err->text);
	(bad ? doctor_bad : doctor_warn)(d, remedy ? remedy + 2 : NULL, "%.*s", len, err->text);
}

char *doctor_printf(struct doctor *d, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	cleanup_free char *text = xvasprintf(fmt, ap);
	va_end(ap);
	return pool_strdup(&d->pool, text);
}

int64_t doctor_sysctl(const char *name, int64_t missing)
{
	cleanup_free char *path = xasprintf("/proc/sys/%s", name), *text = NULL;
	int64_t v;
	if (fs_read_file(AT_FDCWD, path, 64, &text, NULL, NULL) < 0)
		return missing;
	text[strcspn(text, "\n")] = 0;
	return str_to_i64(text, INT64_MIN, INT64_MAX, &v) < 0 ? missing : v;
}

char *doctor_program_version(const char *path)
{
	char *const argv[] = { (char *) (uintptr_t) path, (char *) "--version", NULL };
	static const struct proc_fd fds[] = { { -1, 0 } };
	cleanup_free char *output = NULL;
	struct strings lines cleanup_strings = { 0 };
	if (proc_run(&(struct proc_spawn) { .path = path, .argv = argv, .fds = fds, .n_fds = 1 }, &output, NULL) != 0)
		return NULL;
	strings_split(&lines, output, "\n");
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	for (size_t i = 0; i < lines.n; i++)
		if (str_starts(lines.v[i], name))
			return xstrdup(lines.v[i]);
	return xstrdup(lines.n ? lines.v[0] : "which tells no version");
}

const char *doctor_user(struct doctor *d)
{
	cleanup_free char *text = NULL, *name = NULL;
	if (fs_read_file(AT_FDCWD, "/etc/passwd", 64 << 20, &text, NULL, NULL) == 0)
		name = idmap_user_name(text, getuid());
	return name ? pool_strdup(&d->pool, name) : doctor_printf(d, "%u", getuid());
}

void doctor_run(struct doctor *d)
{
	static const struct doctor_check *const tables[] = {
		doctor_users, doctor_devices, doctor_sessions, doctor_networks, doctor_places, doctor_filesystems, doctor_kernel,
		doctor_leftovers, doctor_volumes,
	};
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		for (const struct doctor_check *c = tables[i]; c->code; c++) {
			d->now = c;
			c->look(d);
		}
	}
}

size_t doctor_count(const struct doctor *d, const char *level)
{
	size_t n = 0;
	for (size_t i = 0; i < d->n; i++)
		n += str_eq(d->list[i].level, level);
	return n;
}
