/* log.h - what is told besides errors: warnings and, on request, debugging.
 *
 * Libraries call log_warn() and log_debug(); only main() decides where they go.
 * Formats: text (logrus' key=value lines, which callers of runc match) and JSON lines.
 * Before log_open() warnings go to stderr as text, information and debugging nowhere.
 */
#pragma once
#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON, LOG_FORMAT_PLAIN /* "PROGRAM: warning: ..." for people */ };

/* log_open - where messages go from now on
 * @fd: borrowed, O_APPEND where it is a file; -1: nowhere
 */
void log_open(int fd, enum log_format format, enum log_level level, const char *program);

/* log_redirect - hand each message to @sink instead, as a process between clone() and execve() does
 * whose parent writes the log. NULL: back to the fd. */
void log_redirect(void (*sink)(void *ctx, enum log_level level, const char *text), void *ctx);

bool log_enabled(enum log_level level);
/* log_is_json - for who prints an error itself: should it be a message like the others? */
bool log_is_json(void);
void log_write(enum log_level level, const char *text);
void log_printf(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_printf(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_printf(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_printf(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_printf(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* log_level_parse - "error", "warn"/"warning", "info", "debug"; also logrus' "panic" and "fatal" (as error) and
 * "trace" (as debug). Return: 0 or -EINVAL. */
int log_level_parse(const char *word, enum log_level *ret);
