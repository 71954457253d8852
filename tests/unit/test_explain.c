/* Who denies a path: tried as an ordinary user, with real files. */
#include "../../cli/explain.h"
#include "cleanup.h"
#include "str.h"
#include "tap.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static char dir[] = "/tmp/test_explain.XXXXXX";

/* explained - what is said of "BEFORE 'PATH'AFTER", with a path below the directory; @want NULL: nothing */
static void explained(const char *before, const char *path, const char *after, const char *want)
{
	char sentence[512];
	snprintf(sentence, sizeof sentence, "%s '%s%s'%s", before, dir, path, after);
	cleanup_free char *said = explain_denied(sentence);
	if (!want) {
		OK(said == NULL);
		return;
	}
	struct buf wanted cleanup_buf = { 0 };	/* "@" stands for the directory */
	for (const char *s = want; *s; s++)
		if (*s == '@')
			buf_puts(&wanted, dir);
		else
			buf_putc(&wanted, *s);
	OK_STR(said ? said : "(nothing)", buf_str(&wanted));
}

static void make(const char *name, mode_t mode, bool is_dir)
{
	if (is_dir)
		(void) mkdir(name, 0755);
	else
		close(open(name, O_WRONLY | O_CREAT, 0644));
	OK(chmod(name, mode) == 0);
}

int main(void)
{
	OK(mkdtemp(dir) && chmod(dir, 0755) == 0 && chdir(dir) == 0);
	make("shut", 0755, true);
	make("shut/below", 0755, true);
	make("shut/below/file", 0644, false);
	make("open", 0755, true);
	make("open/secret", 0600, false);
	make("open/list", 0711, true);
	OK(symlink("../shut/below", "open/link") == 0 && symlink("/nowhere/x", "open/dangling") == 0 && symlink("loop", "open/loop") == 0);
	OK(chmod("shut", 0700) == 0);
	if (geteuid() != 0) {
		printf("ok %d - as an ordinary user # SKIP only root can be another user here\n", ++tap_count);
		return tap_done();
	}
	OK(setegid(65534) == 0 && seteuid(65534) == 0);
	static const char shut[] = "'@/shut' belongs to root and has mode 0700, so nobody may not pass through it: as its owner or root, run `chmod o+x '@/shut'`";
	explained("open", "/shut/below/file", ": Permission denied", shut);
	explained("open", "/open/link/file", ": Permission denied", shut);
	explained("mount 'x' on", "/open/../open/link", ": Operation not permitted", shut);
	explained("open", "/open/secret", ": Permission denied",
		  "'@/open/secret' belongs to root and has mode 0600, so nobody may not read it: as its owner or root, run `chmod o+r '@/open/secret'`");
	explained("list", "/open/list", ": Permission denied",
		  "'@/open/list' belongs to root and has mode 0711, so nobody may not read it: as its owner or root, run `chmod o+rx '@/open/list'`");
	explained("create", "/open/new", ": Permission denied",
		  "'@/open' belongs to root and has mode 0755, so nobody may not make anything in it: as its owner or root, run `chmod o+w '@/open'`");
	explained("write", "/open", ": Permission denied",
		  "'@/open' belongs to root and has mode 0755, so nobody may not write to it: as its owner or root, run `chmod o+w '@/open'`");
	/* nothing to say */
	explained("open", "/open", ": Permission denied", NULL);
	explained("open", "/shut/below/file", ": No such file or directory", NULL);
	explained("open", "/shut/below/file", ": Permission denied; do this", NULL);
	explained("open", "/open/dangling", ": Permission denied", NULL);
	explained("open", "/open/loop", ": Permission denied", NULL);
	explained("open", "/none/at/all", ": Permission denied", NULL);
	cleanup_free char *relative = explain_denied("open 'shut/below': Permission denied"), *unfinished = explain_denied("open '/shut: Permission denied");
	OK(!relative && !unfinished);
	OK(seteuid(0) == 0 && setegid(0) == 0);
	char line[64];
	snprintf(line, sizeof line, "rm -rf %s", dir);
	OK(system(line) == 0);
	return tap_done();
}
