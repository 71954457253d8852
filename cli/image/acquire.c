#include "acquire.h"
#include "../container/event.h"
#include "../container/userns.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "ownership.h"
#include "proc.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

int pull_policy_parse(const char *word, enum pull_policy *ret, struct error *err)
{
	static const char *const words[] = { "missing", "always", "never", "newer", NULL };
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0) {
			*ret = (enum pull_policy) i;
			return 0;
		}
	return error_say(err, EINVAL, "when to pull: always, missing, newer or never, not '%s'", word);
}

struct work {
	const struct store *store;
	struct session *session;	/* of WORK_PULL: prepared */
	const struct reference *ref;
	const struct pull_options *options;
	enum { WORK_PULL, WORK_EMBEDDED, WORK_COMPLETE } what;
	const struct image *image;	/* of WORK_COMPLETE */
};

static int work(const struct work *w, struct error *err)
{
	if (w->what == WORK_EMBEDDED)
		return image_embedded(w->store, err);
	if (w->what == WORK_COMPLETE)
		return pull_complete(w->store, w->image, w->options->progress, err);
	struct image image cleanup_image = { 0 };
	return pull_image(w->store, w->session, w->ref, w->options, &image, err);
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

/* pull_candidate - what a name may mean; credentials are found out here, as who the caller is */
static int pull_candidate(const struct carrier *c, const struct store *s, struct session *session, const struct reference *ref,
			  const struct pull_options *o, struct error *err)
{
	const struct work w = { .store = s, .session = session, .ref = ref, .options = o };
	int r = session_prepare(session, ref, err);
	if (r < 0)
		return error_wrap(err, "pull %s", ref->familiar);
	progress_note(o->progress, "pulling %s", ref->familiar);
	return do_work(c, &w, err);
}

/* pull - the first candidate that is to be had; what is said of the others is said only when there is none */
static int pull(const struct carrier *c, const struct store *s, const char *name, const struct pull_options *o, struct image *ret,
		struct error *err)
{
	struct session *session cleanup_session = NULL;
	struct reference *refs;
	size_t n;
	int r = session_open(o->registry, "pull", &session, err);
	if (r == 0)
		r = session_resolve(session, name, &refs, &n, err);
	if (r == 0)
		r = session_choose(session, name, &refs, &n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		r = pull_candidate(c, s, session, &refs[i], o, err);
		if (r == 0) {
			event_record(c, "image", "pull", refs[i].familiar, refs[i].familiar, NULL, NULL);
			return store_find(s, refs[i].name, ret, err);
		}
		if (r == -EINTR)
			break;
	}
	return r;
}

/* whole - are all layers there, and settled? @ret_dirs: those of its overlay */
static bool whole(const struct carrier *c, const struct store *s, const struct image *i, struct strings *ret_dirs)
{
	if (c->rootless && ownership_refresh(s, i->config->rootfs.diff_ids, NULL) != 0)
		return false;
	return store_lowerdirs(s, i, ret_dirs, NULL) == 0;
}

/* fits - is it for the platform that is asked for? Where none is, whatever was pulled under that name is meant. */
static int fits(const struct image *i, const char *platform, struct error *err)
{
	return platform ? config_platform(i->config, platform, NULL, err) : 0;
}

/* find - in the store; @ret is empty unless it is there and fits */
static int find(const struct store *s, const char *name, const char *platform, struct image *ret, struct error *err)
{
	int r = store_find(s, name, ret, err);
	if (r == 0 && (r = fits(ret, platform, err)) < 0) {
		error_wrap(err, "image '%s' in the store", name);
		image_done(ret);
	}
	return r;
}

static int fetch(const struct carrier *c, const struct store *s, const char *name, enum pull_policy policy, const struct pull_options *o,
		 struct image *ret, struct error *err)
{
	const struct work w = { .store = s, .options = o, .what = WORK_EMBEDDED };
	if (strcmp(name, "hello") != 0 || policy == PULL_ALWAYS)
		return pull(c, s, name, o, ret, err);
	int r = do_work(c, &w, err);
	return r < 0 ? r : store_find(s, name, ret, err);
}

int image_acquire(const struct carrier *c, const struct store *s, const char *name, enum pull_policy policy,
		  const struct pull_options *o, struct image *ret, struct error *err)
{
	struct strings dirs cleanup_strings = { 0 };
	const struct work again = { .store = s, .options = o, .what = WORK_COMPLETE, .image = ret };
	struct error missing = { 0 }, failed = { 0 };	/* no errors yet */
	int have = policy == PULL_ALWAYS ? -ENOENT : find(s, name, o->platform, ret, &missing);
	bool ask = policy == PULL_NEWER || (have == -ENOENT && policy != PULL_NEVER);
	int r = have;
	if (ask) {
		struct image found = { 0 };
		r = fetch(c, s, name, policy, o, &found, &failed);
		if (r == 0) {
			image_done(ret);
			*ret = found;
		} else if (have == 0 && r != -EINTR) {
			log_warn("%s; the image in the store is used", failed.text);
			r = 0;
		}
	}
	if (r < 0) {
		if (err)
			*err = ask ? failed : missing;
		return r;
	}
	if (whole(c, s, ret, &dirs))
		return 0;
	r = do_work(c, &again, &failed);
	if (r == -ENOENT && !ask && policy != PULL_NEVER) {	/* its blobs were dropped, too */
		image_done(ret);
		return fetch(c, s, name, policy, o, ret, err);
	}
	if (r < 0 && err)
		*err = failed;
	return r;
}

int image_acquire_held(const struct carrier *c, const struct store *s, const char *name, enum pull_policy policy,
		       const struct pull_options *o, struct image *ret, struct strings *ret_dirs, struct error *err)
{
	bool ask = policy == PULL_ALWAYS || policy == PULL_NEWER;
	cleanup_close int hold = store_hold(s, err);
	if (hold < 0)
		return hold;
	if (!ask && find(s, name, o->platform, ret, NULL) == 0 && whole(c, s, ret, ret_dirs))
		return take_fd(hold);
	/* a pull takes its time, and holds what it needs itself */
	close_fd(&hold);
	image_done(ret);
	strings_done(ret_dirs);
	int r = image_acquire(c, s, name, policy, o, ret, err);
	if (r == 0)
		r = hold = store_hold(s, err);
	if (r >= 0)
		r = store_lowerdirs(s, ret, ret_dirs, err);
	return r < 0 ? r : take_fd(hold);
}
