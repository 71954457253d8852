#include "error.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void vprint_at(struct error *err, size_t at, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));
static void vprint_at(struct error *err, size_t at, const char *fmt, va_list ap)
{
	if (at < sizeof err->text)
		(void) vsnprintf(err->text + at, sizeof err->text - at, fmt, ap);
}

static void print_at(struct error *err, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void print_at(struct error *err, size_t at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vprint_at(err, at, fmt, ap);
	va_end(ap);
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
	int errnum = code ? code : EINVAL;
	if (!err)
		return -errnum;

	va_list ap;
	va_start(ap, fmt);
	vprint_at(err, 0, fmt, ap);
	va_end(ap);
	if (code)
		print_at(err, strlen(err->text), ": %s", strerror(code));
	err->code = errnum;
	return -errnum;
}

int error_say(struct error *err, int code, const char *fmt, ...)
{
	if (!err)
		return -code;

	va_list ap;
	va_start(ap, fmt);
	vprint_at(err, 0, fmt, ap);
	va_end(ap);
	err->code = code;
	return -code;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	if (!err)
		return -EINVAL;

	char was[sizeof err->text];
	memcpy(was, err->text, sizeof was);
	va_list ap;
	va_start(ap, fmt);
	vprint_at(err, 0, fmt, ap);
	va_end(ap);
	print_at(err, strlen(err->text), ": %s", was);
	return -err->code;
}

int error_hint(struct error *err, const char *fmt, ...)
{
	if (!err)
		return -EINVAL;

	print_at(err, strlen(err->text), "; ");
	va_list ap;
	va_start(ap, fmt);
	vprint_at(err, strlen(err->text), fmt, ap);
	va_end(ap);
	return -err->code;
}
