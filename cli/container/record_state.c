#include "record_impl.h"
#include "cleanup.h"
#include "fs.h"
#include "proc.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ---- state ---- */

const char *record_state_name(enum record_state s)
{
	static const char *const names[] = {
		[RECORD_CREATED] = "created", [RECORD_STARTING] = "created", [RECORD_RUNNING] = "running",
		[RECORD_RESTARTING] = "restarting", [RECORD_EXITED] = "exited", [RECORD_REMOVING] = "removing",
		[RECORD_UNATTENDED] = "running", [RECORD_DEAD] = "dead",
	};
	return names[s];
}

const char *record_state_word(const struct container *c)
{
	return c->paused ? "paused" : record_state_name(c->state);
}

bool status_is_active(const struct status *s)
{
	return str_eq(s->state, "starting") || str_eq(s->state, "running") || str_eq(s->state, "restarting") || str_eq(s->state, "removing");
}

/* active_state - of one that has a monitor */
static enum record_state active_state(const struct status *s)
{
	if (str_eq(s->state, "running"))
		return RECORD_RUNNING;
	return str_eq(s->state, "starting") ? RECORD_STARTING : str_eq(s->state, "restarting") ? RECORD_RESTARTING : RECORD_REMOVING;
}

/* is_attended - 1 when a monitor holds the lock */
static int is_attended(const struct container *c, struct error *err)
{
	cleanup_close int fd = openat(c->dir_fd, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? -errno : fs_is_locked(fd);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? error_set(err, -r, "look at the lock of container %.12s", c->record.id) : r;
}

static bool is_alive(const struct status *s)
{
	if (s->pid <= 0 || !str_eq(s->boot_id, proc_boot_id()))
		return false;
	int state = proc_state((pid_t) s->pid, s->start_time);
	return state > 0 && state != 'Z' && state != 'X';
}

int status_save(struct container *c, struct error *err)
{
	int r = record_document_write(c, "status.json", &status_type, &c->status, err);
	if (r < 0)
		return r;
	const struct status *s = &c->status;
	c->state = str_eq(s->state, "created") ? RECORD_CREATED : status_is_active(s) ? active_state(s) : RECORD_EXITED;
	return 0;
}

static int read_status(struct container *c, struct error *err)
{
	struct status fresh = { 0 };
	struct error why = { 0 };
	int r = record_document_read(c, "status.json", &status_type, &fresh, &why);
	if (r == -ENOENT)
		fresh.state = pool_strdup(&c->pool, "created");	/* nothing has become of it yet */
	else if (r == -EBADMSG)		/* the lock still tells whether there is a monitor; else it is dead */
		fresh = (struct status) { .state = pool_strdup(&c->pool, "running") };
	else if (r < 0)
		return error_say(err, -r, "%s", why.text);
	c->status = fresh;
	return 0;
}

/* is_paused - pause.h; of a process that has been replaced it says nothing */
static bool is_paused(const struct container *c)
{
	char target[48], process[48];
	if (!record_runs(c))
		return false;
	ssize_t n = readlinkat(c->dir_fd, RECORD_PAUSED_LINK, target, sizeof target - 1);
	if (n < 0)
		return false;
	target[n] = 0;
	snprintf(process, sizeof process, "%lld %llu", (long long) c->status.pid, (unsigned long long) c->status.start_time);
	return str_eq(target, process);
}

static int refresh(struct container *c, struct error *err)
{
	int r = read_status(c, err);
	if (r < 0)
		return r;
	if (status_is_active(&c->status)) {
		int attended = is_attended(c, err);
		if (attended < 0)
			return attended;
		if (attended) {
			c->state = active_state(&c->status);
			return 0;
		}
		/* the monitor may have ended between our two looks; then it has written the exit before it let go */
		r = read_status(c, err);
		if (r < 0)
			return r;
	}
	if (status_is_active(&c->status))
		c->state = is_alive(&c->status) ? RECORD_UNATTENDED : RECORD_DEAD;
	else
		c->state = str_eq(c->status.state, "created") ? RECORD_CREATED : RECORD_EXITED;
	return 0;
}

int record_refresh(struct container *c, struct error *err)
{
	int r = refresh(c, err);
	c->paused = r == 0 && is_paused(c);
	return r;
}

int record_lock(const struct container *c, struct error *err)
{
	cleanup_close int fd = openat(c->dir_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, errno, "open the lock of container %.12s", c->record.id);
	int r = fs_lock(fd, true, false);
	if (r == -EAGAIN)
		return error_say(err, EAGAIN, "container %.12s is attended by another process already", c->record.id);
	if (r < 0)
		return error_set(err, -r, "lock container %.12s", c->record.id);
	if (access(c->dir, F_OK) < 0)	/* who removes it has the lock for as long as that takes, and moves it away first */
		return error_say(err, ENOENT, "container %.12s was removed meanwhile", c->record.id);
	return take_fd(fd);
}

/* ---- the note of a stop ---- */

static const char stop_note[] = "stopped";

int record_note_stop(const struct container *c, bool restart, struct error *err)
{
	return fs_replace_file(c->dir_fd, stop_note, "restart", restart ? strlen("restart") : 0, 0600, false, err);
}

enum record_note record_noted_stop(const struct container *c)
{
	struct stat st;
	if (fstatat(c->dir_fd, stop_note, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return RECORD_NOT_STOPPED;
	return st.st_size ? RECORD_STOPPED_TO_RESTART : RECORD_STOPPED;
}

void record_forget_stop(const struct container *c)
{
	(void) unlinkat(c->dir_fd, stop_note, 0);
}
