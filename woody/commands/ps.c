/* Theory of operation: which processes are the container's is known from its cgroup; how they are shown is left to the host's
 * ps(1), whose table is cut down to the lines with these pids. */
#include "../container.h"
#include "../woody.h"
#include "cleanup.h"
#include "fs.h"
#include "proc.h"
#include <string.h>

enum { TABLE_MAX = 256 << 20 };

struct ps_options { char *format; };

static const struct option_def options[] = {
	OPTION(struct ps_options, format, 'f', "format", "table|json", "table (the default), or json: the pids only"),
};

static bool is_member(const pid_t *pids, size_t n, const char *word, size_t len)
{
	char text[16];
	for (size_t i = 0; i < n; i++)
		if ((size_t) snprintf(text, sizeof text, "%d", pids[i]) == len && memcmp(text, word, len) == 0)
			return true;
	return false;
}

/* nth_word - of the line, which ends at '\n'; its length, 0 when there are fewer words */
static size_t nth_word(const char *line, size_t index, const char **ret)
{
	for (;; line += strcspn(line, " \t\n")) {
		line += strspn(line, " \t");
		if (index-- == 0)
			break;
		if (*line == '\n' || *line == 0)
			break;
	}
	*ret = line;
	return strcspn(line, " \t\n");
}

/* pid_column - which word of the table's head is "PID", or -ENOENT */
static int pid_column(const char *head)
{
	const char *word;
	size_t len;
	for (int i = 0; (len = nth_word(head, (size_t) i, &word)); i++)
		if (len == 3 && memcmp(word, "PID", 3) == 0)
			return i;
	return -ENOENT;
}

static int print_table(const char *table, const pid_t *pids, size_t n, struct error *err)
{
	int column = pid_column(table);
	if (column < 0)
		return error_say(err, ENOENT, "there is no column PID in what ps printed; ask for it with -o pid,...");
	for (const char *line = table, *end; *line; line = end) {
		const char *word;
		end = line + strcspn(line, "\n");
		end += *end == '\n';
		size_t len = nth_word(line, (size_t) column, &word);
		if (line == table || is_member(pids, n, word, len))
			fwrite(line, 1, (size_t) (end - line), stdout);
	}
	return 0;
}

/* run_ps - its output, all of it; what it complains of goes to our stderr */
static int run_ps(char **args, int n_args, char **ret, struct error *err)
{
	cleanup_free char *path = proc_find("ps", NULL);
	if (!path)
		return error_say(err, ENOENT, "the program ps is not installed; --format json does without");
	cleanup_free char **argv = xcalloc((size_t) n_args + 3, sizeof *argv);
	argv[0] = (char *) "ps";
	argv[1] = (char *) "-ef";
	for (int i = 0; i < n_args; i++)
		argv[i + 1] = args[i];

	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "make a pipe");
	cleanup_close int read_fd = ends[0];
	cleanup_close int write_fd = ends[1];
	const struct proc_fd fds[] = { { write_fd, STDOUT_FILENO } };
	pid_t pid = proc_spawn(&(struct proc_spawn) { .path = path, .argv = argv, .fds = fds, .n_fds = 1 }, NULL, err);
	if (pid < 0)
		return pid;
	close_fd(&write_fd);
	int r = fs_read_fd(read_fd, "ps", TABLE_MAX, ret, NULL, err);
	int code = proc_wait(pid);
	if (r == 0 && code != 0)
		return error_say(err, EINVAL, "ps ended with status %d", code);
	return r;
}

static int by_number(const void *a, const void *b)
{
	return *(const pid_t *) a < *(const pid_t *) b ? -1 : *(const pid_t *) a > *(const pid_t *) b;
}

static int list(const struct container *c, bool json, char **args, int n_args, struct error *err)
{
	cleanup_free pid_t *pids = NULL;
	struct cgroup *cgroup = NULL;
	ssize_t n = cgroup_load(&c->record.cgroup, &cgroup, err);
	if (n == 0 && c->record.cgroup.paths.n == 0)
		n = error_say(err, EOPNOTSUPP, "container '%s' has no cgroup, so its processes cannot be told from others", c->id);
	else if (n == 0 && (n = cgroup_procs(cgroup, &pids)) < 0 && n != -ENOENT)
		error_set(err, (int) -n, "list the processes of container '%s'", c->id);
	cgroup_free(cgroup);
	if (n == -ENOENT)
		n = 0;	/* stopped, and its cgroup is gone */
	if (n < 0)
		return (int) n;

	if (json) {
		if (n)
			qsort(pids, (size_t) n, sizeof *pids, by_number);
		putchar('[');
		for (ssize_t i = 0; i < n; i++)
			printf("%s%d", i ? "," : "", pids[i]);
		puts("]");
		return 0;
	}
	cleanup_free char *table = NULL;
	int r = run_ps(args, n_args, &table, err);
	return r < 0 ? r : print_table(table, pids, (size_t) n, err);
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct woody *w = program;
	struct ps_options *o = given;
	struct error err = { 0 };
	struct container c cleanup_container = CONTAINER_INIT;
	bool json = o->format && strcmp(o->format, "json") == 0;
	int r = 0;
	if (o->format && !json && strcmp(o->format, "table") != 0)
		r = error_say(&err, EINVAL, "invalid format option '%s': table or json", o->format);
	if (r == 0)
		r = container_load(w->root, args[0], &c, &err);
	if (r == 0)
		r = list(&c, json, args + 1, n_args - 1, &err);
	return r < 0 ? fail(w, "ps", &err) : 0;
}

const struct command command_ps = {
	.name = "ps", .arguments = "CONTAINER-ID [PS-OPTION...]", .summary = "show the processes of a container",
	.description = "Shows the lines of the host's `ps -ef`, or of `ps` with the options that are given, which belong to the "
		       "container. The pids are the host's.",
	OPTIONS(struct ps_options, options), .min_args = 1, .max_args = -1, .stop_after = 1, .run = run,
};
