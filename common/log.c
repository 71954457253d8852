#include "log.h"
#include "str.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The one global of the library (see house rules): the sink. */
static struct {
	int fd;
	enum log_format format;
	enum log_level level;
	const char *program;
	void (*redirect)(void *ctx, enum log_level level, const char *text);
	void *ctx;
} sink = { .fd = STDERR_FILENO, .format = LOG_FORMAT_TEXT, .level = LOG_LEVEL_WARN, .program = "" };

static const char *const names[] = { "error", "warning", "info", "debug" };

void log_open(int fd, enum log_format format, enum log_level level, const char *program)
{
	sink.fd = fd;
	sink.format = format;
	sink.level = level;
	sink.program = program;
}

void log_redirect(void (*redirect)(void *ctx, enum log_level level, const char *text), void *ctx)
{
	sink.redirect = redirect;
	sink.ctx = ctx;
}

bool log_enabled(enum log_level level) { return level <= sink.level && (sink.fd >= 0 || sink.redirect); }

bool log_is_json(void) { return sink.format == LOG_FORMAT_JSON; }

/* quote - @text between double quotes, in a way that both JSON and logrus read back.
 * A fixed buffer: this is called between clone() and execve(). */
static void quote(char *out, size_t size, const char *text)
{
	size_t n = 0;
	out[n++] = '"';
	for (const unsigned char *p = (const unsigned char *) text; *p && n + 8 < size; p++) {
		if (*p == '"' || *p == '\\') {
			out[n++] = '\\';
			out[n++] = (char) *p;
		} else if (*p == '\n') {
			out[n++] = '\\';
			out[n++] = 'n';
		} else if (*p < 0x20) {
			n += (size_t) snprintf(out + n, size - n, "\\u%04x", *p);
		} else {
			out[n++] = (char) *p;
		}
	}
	out[n++] = '"';
	out[n] = 0;
}

void log_write(enum log_level level, const char *text)
{
	if (!log_enabled(level))
		return;
	if (sink.redirect) {
		sink.redirect(sink.ctx, level, text);
		return;
	}

	char line[2600], quoted[2400], when[40];
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	quote(quoted, sizeof quoted, text);
	int n;
	switch (sink.format) {
	case LOG_FORMAT_JSON:
		n = snprintf(line, sizeof line, "{\"level\":\"%s\",\"msg\":%s,\"time\":\"%s\"}\n", names[level], quoted,
			     str_rfc3339(now.tv_sec, now.tv_nsec, when));
		break;
	case LOG_FORMAT_PLAIN:
		n = snprintf(line, sizeof line, "%s: %s%s%s\n", sink.program, level == LOG_LEVEL_ERROR ? "" : names[level],
			     level == LOG_LEVEL_ERROR ? "" : ": ", text);
		break;
	default:
		n = snprintf(line, sizeof line, "time=\"%s\" level=%s msg=%s\n",
			     str_rfc3339(now.tv_sec, now.tv_nsec, when), names[level], quoted);
	}
	if (n >= (int) sizeof line)
		n = (int) sizeof line - 1;
	(void) !write(sink.fd, line, (size_t) n);	/* a log that cannot be written must not stop a container */
}

void log_printf(enum log_level level, const char *fmt, ...)
{
	if (!log_enabled(level))
		return;
	char text[1100];
	int saved = errno;
	va_list ap;
	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	log_write(level, text);
	errno = saved;
}

int log_level_parse(const char *word, enum log_level *ret)
{
	static const struct { const char *word; enum log_level level; } words[] = {
		{ "panic", LOG_LEVEL_ERROR }, { "fatal", LOG_LEVEL_ERROR }, { "error", LOG_LEVEL_ERROR },
		{ "warn", LOG_LEVEL_WARN },   { "warning", LOG_LEVEL_WARN }, { "info", LOG_LEVEL_INFO },
		{ "debug", LOG_LEVEL_DEBUG }, { "trace", LOG_LEVEL_DEBUG },
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i].word, word) == 0) {
			*ret = words[i].level;
			return 0;
		}
	return -EINVAL;
}
