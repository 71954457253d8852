#include "acquire.h"
#include "../container/userns.h"
#include "cleanup.h"
#include "fs.h"
#include "proc.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

int pull_policy_parse(const char *word, enum pull_policy *ret, struct error *err)
{
	static const char *const words[] = { "missing", "always", "never", NULL };
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0) {
			*ret = (enum pull_policy) i;
			return 0;
		}
	return error_say(err, EINVAL, "--pull: missing, always or never, not '%s'", word);
}

struct work {
	const struct store *store;
	const char *name;
	const struct pull_options *options;
	enum { WORK_PULL, WORK_EMBEDDED, WORK_COMPLETE } what;
	const struct image *image;	/* of WORK_COMPLETE */
};

static int work(const struct work *w, struct error *err)
{
	if (w->what == WORK_EMBEDDED)
		return image_embedded(w->store, err);
	if (w->what == WORK_COMPLETE)
		return pull_complete(w->store, w->image, w->options->quiet, err);
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct image image cleanup_image = { 0 };
	struct reference ref;
	int r = reference_parse(w->name, &pool, &ref, err);
	return r < 0 ? r : pull_image(w->store, &ref, w->options, &image, err);
}

/* work_in_child - in a child that becomes root of a user namespace; the error crosses as the struct */
static int work_in_child(const struct work *w, struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "create a pipe");
	cleanup_close int in = ends[0], out = ends[1];
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "start a child");
	if (pid == 0) {
		struct error failed = { 0 };
		int r = userns_become_root(0, NULL, NULL, &failed);
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);	/* after the change of ids, which clears it */
		if (r == 0)
			r = work(w, &failed);
		if (r < 0)
			(void) fs_write_all(out, &failed, sizeof failed);
		_exit(r < 0);
	}
	close_fd(&out);
	/* a Ctrl-C goes to both of us; the child cleans up, and we say so */
	void (*was)(int) = signal(SIGINT, SIG_IGN);
	struct error failed = { 0 };
	ssize_t n = fs_read_all(in, &failed, sizeof failed);
	int code = proc_wait(pid);
	(void) signal(SIGINT, was);
	if (n == sizeof failed) {
		if (err)
			*err = failed;
		return -failed.code;
	}
	return code == 0 ? 0 : error_say(err, EINTR, "interrupted");
}

static int do_work(const struct carrier *c, const struct work *w, struct error *err)
{
	return c->rootless && !c->nested ? work_in_child(w, err) : work(w, err);
}

/* whole - are all layers there, and settled? */
static bool whole(const struct store *s, const struct image *i)
{
	struct strings dirs cleanup_strings = { 0 };
	return store_lowerdirs(s, i, &dirs, NULL) == 0;
}

int image_acquire(const struct carrier *c, const struct store *s, const char *name, enum pull_policy policy,
		  const struct pull_options *o, struct image *ret, struct error *err)
{
	struct work w = { .store = s, .name = name, .options = o };
	struct error missing = { 0 };	/* no error yet: it may be fetched */
	int r = policy == PULL_ALWAYS ? -ENOENT : store_find(s, name, ret, &missing);
	if (r < 0 && (r != -ENOENT || policy == PULL_NEVER)) {
		if (err)
			*err = missing;
		return r;
	}
	if (r == -ENOENT) {
		bool ours = strcmp(name, "hello") == 0 && policy != PULL_ALWAYS;
		w.what = ours ? WORK_EMBEDDED : WORK_PULL;
		if (!ours && !o->quiet)
			fprintf(stderr, "pulling %s\n", name);
		r = do_work(c, &w, err);
		if (r == 0)
			r = store_find(s, name, ret, err);
	}
	if (r == 0 && !whole(s, ret)) {
		w.what = WORK_COMPLETE;
		w.image = ret;
		r = do_work(c, &w, err);
	}
	return r;
}
