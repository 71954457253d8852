#include "../container/processes.h"
#include "../table.h"
#include "cleanup.h"
#include "fs.h"
#include "proc.h"
#include "str.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* ---- one process ---- */

struct process {
	pid_t pid;
	int inside_pid, ppid, pgid, tty, nice;
	char state, comm[64];
	unsigned uid, gid;
	uint64_t ticks, start_ticks, vsize;
	int64_t rss_pages;
	char *status, *args;		/* /proc/PID/status, and the command line in one piece */
};

struct view { const struct container *c; int root_fd; double uptime; long hertz; char *passwd, *group, *uid_map, *gid_map; struct pool pool; };

static char *read_proc(pid_t pid, const char *file, size_t *len)
{
	char *text = NULL;
	cleanup_free char *path = xasprintf("/proc/%d/%s", (int) pid, file);
	return fs_read_file(AT_FDCWD, path, 1 << 20, &text, len, NULL) < 0 ? NULL : text;
}

/* status_word - what is behind "NAME:" in /proc/PID/status, the last word of the line where @last */
static const char *status_word(const struct process *p, struct view *v, const char *name, bool last)
{
	const char *line = p->status ? strstr(p->status, name) : NULL;
	if (!line)
		return "?";
	line += strlen(name);
	char *text = pool_strndup(&v->pool, line, strcspn(line, "\n"));
	struct strings words cleanup_strings = { 0 };
	strings_split(&words, text, "\t ");
	return words.n ? pool_strdup(&v->pool, last ? words.v[words.n - 1] : words.v[0]) : "";
}

static int read_process(pid_t pid, struct view *v, struct process *p)
{
	size_t len = 0;
	cleanup_free char *stat = read_proc(pid, "stat", NULL), *args = read_proc(pid, "cmdline", &len), *status = read_proc(pid, "status", NULL);
	char *open = stat ? strchr(stat, '(') : NULL, *close = stat ? strrchr(stat, ')') : NULL;
	unsigned long long user, sys, start, vsize;
	long long rss;
	if (!open || !close || !status)
		return -ESRCH;	/* ended meanwhile */
	*p = (struct process) { .pid = pid };
	if (sscanf(close + 1, " %c %d %d %*d %d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %d %*d %*d %llu %llu %lld", &p->state,
		   &p->ppid, &p->pgid, &p->tty, &user, &sys, &p->nice, &start, &vsize, &rss) != 10)
		return -ESRCH;
	snprintf(p->comm, sizeof p->comm, "%.*s", (int) (close - open - 1), open + 1);
	p->ticks = user + sys;
	p->start_ticks = start;
	p->vsize = vsize;
	p->rss_pages = rss;
	for (size_t i = 0; args && i + 1 < len; i++)
		if (!args[i])
			args[i] = ' ';
	p->args = args && *args ? pool_strdup(&v->pool, args) : pool_printf(&v->pool, "[%s]", p->comm);
	p->status = pool_strdup(&v->pool, status);
	p->inside_pid = atoi(status_word(p, v, "\nNSpid:", true));
	p->uid = (unsigned) atol(status_word(p, v, "\nUid:", false));
	p->gid = (unsigned) atol(status_word(p, v, "\nGid:", false));
	return 0;
}

/* ---- names of the container's ---- */

static int64_t map_id(const char *map, unsigned outside)
{
	unsigned in, out, count;
	for (const char *line = map; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (sscanf(line, "%u %u %u", &in, &out, &count) == 3 && outside >= out && outside - out < count)
			return (int64_t) in + (outside - out);
	return outside;
}

/* id_name - by a file like passwd: "NAME:x:ID:" */
static const char *id_name(struct view *v, const char *file, const char *map, unsigned outside)
{
	int64_t id = map_id(map, outside);
	for (const char *line = file; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		size_t name = strcspn(line, ":\n");
		const char *number = line[name] == ':' ? strchr(line + name + 1, ':') : NULL;
		if (number && isdigit((unsigned char) number[1]) && strtoll(number + 1, NULL, 10) == id && number < line + strcspn(line, "\n"))
			return pool_strndup(&v->pool, line, name);
	}
	return pool_printf(&v->pool, "%lld", (long long) id);
}

static char *read_inside(const struct view *v, const char *path)
{
	char *text = NULL;
	cleanup_close int fd = v->root_fd < 0 ? -1 : fs_open_beneath(v->root_fd, path, O_RDONLY | O_NONBLOCK, 0, NULL);
	return fd < 0 || fs_read_fd(fd, path, 1 << 20, &text, NULL, NULL) < 0 ? NULL : text;
}

static void open_view(const struct container *c, struct view *v)
{
	pid_t init = (pid_t) c->status.pid;
	cleanup_free char *root = xasprintf("/proc/%d/root", (int) init), *uptime = NULL;
	v->c = c;
	v->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	v->passwd = read_inside(v, "/etc/passwd");
	v->group = read_inside(v, "/etc/group");
	v->uid_map = read_proc(init, "uid_map", NULL);
	v->gid_map = read_proc(init, "gid_map", NULL);
	v->hertz = sysconf(_SC_CLK_TCK);
	if (fs_read_file(AT_FDCWD, "/proc/uptime", 128, &uptime, NULL, NULL) == 0)
		v->uptime = strtod(uptime, NULL);
}

static void close_view(struct view *v)
{
	close_fd(&v->root_fd);
	free(v->passwd);
	free(v->group);
	free(v->uid_map);
	free(v->gid_map);
	pool_done(&v->pool);
}

/* ---- columns ---- */

static const char *clock_words(struct view *v, uint64_t seconds)
{
	unsigned long long s = seconds;
	return pool_printf(&v->pool, "%02llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
}

static const char *tty_words(struct view *v, int tty)
{
	if (tty == 0)
		return "?";
	unsigned major_ = (tty >> 8) & 0xfff, minor_ = ((unsigned) tty & 0xff) | (((unsigned) tty >> 12) & 0xfff00);
	return major_ >= 136 && major_ < 144 ? pool_printf(&v->pool, "pts/%u", (major_ - 136) * 256 + minor_) :
		pool_printf(&v->pool, "tty%u", minor_);
}

static double age(const struct view *v, const struct process *p)
{
	double seconds = v->uptime - (double) p->start_ticks / (double) v->hertz;
	return seconds > 0 ? seconds : 0;
}

static const char *percent(struct view *v, const struct process *p)
{
	double seconds = age(v, p);
	return pool_printf(&v->pool, "%.3f", seconds > 0 ? 100.0 * (double) p->ticks / (double) v->hertz / seconds : 0);
}

static const char *label(struct view *v, const struct process *p)
{
	cleanup_free char *text = read_proc(p->pid, "attr/current", NULL);
	return pool_strndup(&v->pool, text ? text : "?", text ? strcspn(text, "\n") : 1);
}

static const char *started(struct view *v, const struct process *p)
{
	char words[32];
	struct tm tm;
	time_t now = time(NULL), at = now - (time_t) age(v, p);
	localtime_r(&at, &tm);
	(void) strftime(words, sizeof words, now - at < 86400 ? "%H:%M" : "%b%d", &tm);
	return pool_strdup(&v->pool, words);
}

static const char *seccomp(struct view *v, const struct process *p)
{
	static const char *const modes[] = { "disabled", "strict", "filter" };
	int mode = atoi(status_word(p, v, "\nSeccomp:", false));
	return mode >= 0 && mode < 3 ? modes[mode] : "?";
}

#define NUMBER(n) pool_printf(&v->pool, "%lld", (long long) (n))
static const char *col_args(struct view *v, const struct process *p) { return p->args; }
static const char *col_comm(struct view *v, const struct process *p) { return p->comm; }
static const char *col_user(struct view *v, const struct process *p) { return id_name(v, v->passwd, v->uid_map, p->uid); }
static const char *col_group(struct view *v, const struct process *p) { return id_name(v, v->group, v->gid_map, p->gid); }
static const char *col_huser(struct view *v, const struct process *p) { return NUMBER(p->uid); }
static const char *col_hgroup(struct view *v, const struct process *p) { return NUMBER(p->gid); }
static const char *col_pid(struct view *v, const struct process *p) { return NUMBER(p->inside_pid); }
static const char *col_hpid(struct view *v, const struct process *p) { return NUMBER(p->pid); }
static const char *col_ppid(struct view *v, const struct process *p)
{
	struct process parent;	/* its number in the container; 0 outside of it */
	return read_process(p->ppid, v, &parent) < 0 || p->pid == v->c->status.pid ? "0" : NUMBER(parent.inside_pid);
}
static const char *col_hppid(struct view *v, const struct process *p) { return NUMBER(p->ppid); }
static const char *col_pgid(struct view *v, const struct process *p) { return NUMBER(p->pgid); }
static const char *col_nice(struct view *v, const struct process *p) { return NUMBER(p->nice); }
static const char *col_pcpu(struct view *v, const struct process *p) { return percent(v, p); }
static const char *col_c(struct view *v, const struct process *p) { return NUMBER(strtod(percent(v, p), NULL)); }
static const char *col_state(struct view *v, const struct process *p) { return pool_printf(&v->pool, "%c", p->state); }
static const char *col_stime(struct view *v, const struct process *p) { return started(v, p); }
static const char *col_etime(struct view *v, const struct process *p) { return clock_words(v, (uint64_t) age(v, p)); }
static const char *col_time(struct view *v, const struct process *p) { return clock_words(v, p->ticks / (uint64_t) v->hertz); }
static const char *col_tty(struct view *v, const struct process *p) { return tty_words(v, p->tty); }
static const char *col_vsz(struct view *v, const struct process *p) { return NUMBER(p->vsize / 1024); }
static const char *col_rss(struct view *v, const struct process *p) { return NUMBER(p->rss_pages * (sysconf(_SC_PAGESIZE) / 1024)); }
static const char *col_capbnd(struct view *v, const struct process *p) { return status_word(p, v, "\nCapBnd:", false); }
static const char *col_capeff(struct view *v, const struct process *p) { return status_word(p, v, "\nCapEff:", false); }
static const char *col_capinh(struct view *v, const struct process *p) { return status_word(p, v, "\nCapInh:", false); }
static const char *col_capprm(struct view *v, const struct process *p) { return status_word(p, v, "\nCapPrm:", false); }
static const char *col_capamb(struct view *v, const struct process *p) { return status_word(p, v, "\nCapAmb:", false); }
static const char *col_label(struct view *v, const struct process *p) { return label(v, p); }
static const char *col_seccomp(struct view *v, const struct process *p) { return seccomp(v, p); }

static const struct column { const char *name, *heading; const char *(*word)(struct view *v, const struct process *p); } columns[] = {
	{ "args", "COMMAND", col_args }, { "command", "COMMAND", col_args }, { "comm", "COMMAND", col_comm }, { "user", "USER", col_user },
	{ "ruser", "RUSER", col_user },
	{ "group", "GROUP", col_group }, { "rgroup", "RGROUP", col_group }, { "huser", "HUSER", col_huser }, { "hgroup", "HGROUP", col_hgroup },
	{ "pid", "PID", col_pid }, { "hpid", "HPID", col_hpid }, { "ppid", "PPID", col_ppid }, { "pgid", "PGID", col_pgid },
	{ "nice", "NI", col_nice },
	{ "pcpu", "%CPU", col_pcpu }, { "state", "STATE", col_state }, { "stime", "STIME", col_stime }, { "etime", "ELAPSED", col_etime },
	{ "time", "TIME", col_time },
	{ "tty", "TTY", col_tty }, { "vsz", "VSZ", col_vsz }, { "rss", "RSS", col_rss }, { "capbnd", "BOUNDING CAPS", col_capbnd },
	{ "capeff", "EFFECTIVE CAPS", col_capeff }, { "capinh", "INHERITED CAPS", col_capinh }, { "capprm", "PERMITTED CAPS", col_capprm },
	{ "capamb", "AMBIENT CAPS", col_capamb }, { "label", "LABEL", col_label }, { "seccomp", "SECCOMP", col_seccomp },
};
enum { COLUMNS = sizeof columns / sizeof *columns, COLUMNS_MAX = 64 };
/* docker's own: ps -ef */
static const struct column full[] = {
	{ NULL, "UID", col_user }, { NULL, "PID", col_hpid }, { NULL, "PPID", col_hppid }, { NULL, "C", col_c },
	{ NULL, "STIME", col_stime }, { NULL, "TTY", col_tty },
	{ NULL, "TIME", col_time }, { NULL, "CMD", col_args },
};

static int choose(char *const *words, const struct column **ret, size_t *n, struct error *err)
{
	struct strings names cleanup_strings = { 0 };
	const char *all[COLUMNS + 1] = { NULL };
	*n = 0;
	for (; *words; words++)
		strings_split(&names, *words, ",");
	for (size_t i = 0; i < COLUMNS; i++)
		all[i] = columns[i].name;
	for (size_t i = 0; i < names.n; i++) {
		size_t k = 0;
		while (k < COLUMNS && strcmp(columns[k].name, names.v[i]) != 0)
			k++;
		const char *near = str_nearest(names.v[i], all);
		if (k == COLUMNS || *n == COLUMNS_MAX)
			return error_say(err, EINVAL, "top: '%s' is no column%s%s%s; options of ps begin with a dash, as in "
					 "`carrier top %s -eo pid,args`", names.v[i],
					 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "", "CONTAINER");
		ret[(*n)++] = &columns[k];
	}
	return 0;
}

static int print_columns(const struct container *c, const struct column *const *list, size_t n_columns, struct error *err)
{
	struct table t cleanup_table = { 0 };
	struct view v = { .root_fd = -1 };
	const char *cells[COLUMNS_MAX + 1];
	cleanup_free pid_t *pids = NULL;
	size_t n;
	int r = container_processes(c, &pids, &n, err);
	if (r < 0)
		return r;
	open_view(c, &v);
	for (size_t k = 0; k < n_columns; k++)
		cells[k] = list[k]->heading;
	cells[n_columns] = NULL;
	table_add_list(&t, (char *const *) cells);
	for (size_t i = 0; i < n; i++) {
		struct process p;
		if (read_process(pids[i], &v, &p) < 0)
			continue;
		for (size_t k = 0; k < n_columns; k++)
			cells[k] = list[k]->word(&v, &p);
		table_add_list(&t, (char *const *) cells);
	}
	table_print(&t, stdout);
	close_view(&v);
	return 0;
}

/* ---- the host's ps, for its options ---- */

/* is_ours - its column @at, counted in words, is a pid of the container's */
static bool is_ours(const char *line, size_t at, const pid_t *pids, size_t n)
{
	struct strings words cleanup_strings = { 0 };
	strings_split(&words, line, " \t");
	for (size_t i = 0; at < words.n && i < n; i++)
		if (atoi(words.v[at]) == pids[i])
			return true;
	return false;
}

/* run_ps - its lines; all of them are read before any is printed, since of one that failed there are none worth printing */
static int run_ps(char *const *options, struct strings *ret, struct error *err)
{
	struct strings argv cleanup_strings = { 0 };
	cleanup_free char *path = proc_find("ps", NULL);
	if (!path)
		return error_say(err, ENOENT, "top: there is no ps on this machine; without its options `carrier top` needs none: give "
				 "names of columns");
	strings_add(&argv, "ps");
	for (; *options; options++)
		strings_add(&argv, *options);
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "make a pipe");
	cleanup_close int out = ends[0], in = ends[1];
	const struct proc_fd fds[] = { { -1, STDIN_FILENO }, { in, STDOUT_FILENO } };
	pid_t pid = proc_spawn(&(struct proc_spawn) { .path = path, .argv = argv.v, .fds = fds, .n_fds = 2 }, NULL, err);
	if (pid < 0)
		return pid;
	close_fd(&in);
	cleanup_file FILE *f = fdopen(out, "r");
	(void) take_fd(out);
	cleanup_free char *line = NULL;
	size_t size = 0;
	for (ssize_t n; f && (n = getline(&line, &size, f)) > 0;) {
		line[strcspn(line, "\n")] = 0;
		strings_add(ret, line);
	}
	return proc_wait(pid) != 0 ? error_say(err, EINVAL, "top: ps does not take these options") : 0;
}

static int print_ps(const struct container *c, char *const *options, struct error *err)
{
	struct strings lines cleanup_strings = { 0 }, heads cleanup_strings = { 0 };
	cleanup_free pid_t *pids = NULL;
	size_t n, at = 0;
	int r = container_processes(c, &pids, &n, err);
	if (r == 0)
		r = run_ps(options, &lines, err);
	if (r < 0)
		return r;
	if (lines.n)
		strings_split(&heads, lines.v[0], " \t");
	while (at < heads.n && strcmp(heads.v[at], "PID") != 0)
		at++;
	if (at == heads.n)
		return error_say(err, EINVAL, "top: with these options ps prints no column PID, by which the container's processes could "
				 "be told: add it");
	puts(lines.v[0]);
	for (size_t i = 1; i < lines.n; i++)
		if (is_ours(lines.v[i], at, pids, n))
			puts(lines.v[i]);
	return 0;
}

/* ---- the command ---- */

struct top_options { bool latest; };
static const struct option_def options[] = {
	OPTION(struct top_options, latest, 'l', "latest", NULL, "the container that was made last"),
};

/* is_for_ps - "-eo pid,args", and "aux" as everybody writes it */
static bool is_for_ps(char *const *words)
{
	return words[0] && (words[0][0] == '-' || (strspn(words[0], "aefglmuwx") == strlen(words[0]) && !strchr(words[0], ',')));
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct top_options *o = given;
	struct container c cleanup_container = CONTAINER_NONE;
	const struct column *chosen[COLUMNS_MAX];
	struct error err = { 0 };
	size_t n = 0;
	if (!o->latest && n_args == 0) {
		error_say(&err, EINVAL, "top: name a container, or give --latest");
		return carrier_fail(&err);
	}
	int r = record_find(program, o->latest ? "" : args[0], o->latest, &c, &err);
	char *const *words = args + !o->latest;
	if (r == 0 && is_for_ps(words)) {
		r = print_ps(&c, words, &err);
	} else if (r == 0) {
		r = *words ? choose(words, chosen, &n, &err) : 0;
		for (size_t i = 0; !*words && i < sizeof full / sizeof *full; i++)
			chosen[n++] = &full[i];
		r = r < 0 ? r : print_columns(&c, chosen, n, &err);
	}
	if (r < 0)
		carrier_fail(&err);
	return r == 0 ? 0 : r == -EINVAL ? EXIT_CARRIER : 1;
}

const struct command command_top = {
	.name = "top", .arguments = "[CONTAINER [COLUMN...|PS-OPTION...]]", .summary = "list the processes of a container",
	.description = "Nothing is executed in the container. Without further words the columns are those of `ps -ef`, with the host's "
		       "process ids and the container's names of users. Columns may be named (podman's): user, group, huser, hgroup, pid "
		       "(in the container), hpid (on the host), ppid, pgid, nice, pcpu, state, stime, etime, time, tty, vsz, rss, comm, "
		       "args, capeff, capbnd, capinh, capprm, capamb, label, seccomp. Options of ps are given to the host's ps, of whose "
		       "lines the container's are shown.",
	.examples = "By their numbers in the container and on the host:\n\tcarrier top web pid,hpid,user,args\n\n"
		    "As the host's ps shows them:\n\tcarrier top web -eo pid,rss,args",
	.exit_status = "0, or 1 when there is no such container or it does not run.",
	OPTIONS(struct top_options, options), .max_args = -1, .stop_after = 1, .run = run,
};
