/* Which part of a path is in the way, and for whom. */
#include "../../cli/container/explain_path.h"
#include "cleanup.h"
#include "mem.h"
#include "str.h"
#include "tap.h"
#include <fcntl.h>
#include <string.h>

static struct stat st_of(uid_t uid, gid_t gid, mode_t mode)
{
	return (struct stat) { .st_uid = uid, .st_gid = gid, .st_mode = mode };
}

static void test_mode(void)
{
	uint32_t more[] = { 5 };
	const struct spec_user root = { 0 }, one = { .uid = 1, .gid = 1 }, member = { .uid = 2, .gid = 2, .additional_gids = { 1, more } };
	const struct stat dir = st_of(1, 5, S_IFDIR | 0710), file = st_of(0, 0, S_IFREG | 0644), odd = st_of(1, 5, S_IFREG | 0077);
	OK(explain_mode(&dir, X_OK, &one) == 0 && explain_mode(&dir, R_OK, &one) == 0);
	OK(explain_mode(&dir, X_OK, &member) == 0 && explain_mode(&dir, R_OK, &member) == 'g');
	OK(explain_mode(&dir, X_OK, &(struct spec_user) { .uid = 9, .gid = 9 }) == 'o');
	OK(explain_mode(&dir, X_OK | R_OK, &root) == 0);
	OK(explain_mode(&file, X_OK, &root) == 'u' && explain_mode(&file, X_OK, &one) == 'o' && explain_mode(&file, R_OK, &one) == 0);
	/* the owner has his own bits, however wide the others are */
	OK(explain_mode(&odd, R_OK, &one) == 'u' && explain_mode(&odd, R_OK, &member) == 0);
}

static bool says(char *sentence, const char *a, const char *b)
{
	bool good = sentence && strstr(sentence, a) && strstr(sentence, b);
	if (!good)
		printf("# %s\n", sentence ? sentence : "(nothing)");
	free(sentence);
	return good;
}

/* with_dir - @text with @dir for each "@"; caller frees */
static char *with_dir(const char *text, const char *dir)
{
	struct buf b = { 0 };
	for (; *text; text++)
		if (*text == '@')
			buf_puts(&b, dir);
		else
			buf_putc(&b, *text);
	return buf_take(&b);
}

static void test_inside(void)
{
	char dir[] = "/tmp/test_explain.XXXXXX";
	const struct spec_user other = { .uid = 4321, .gid = 4321 };
	if (!mkdtemp(dir) || chmod(dir, 0755) < 0) {
		printf("Bail out! mkdtemp\n");
		return;
	}
	cleanup_close int root_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	OK(mkdirat(root_fd, "shut", 0700) == 0 && mkdirat(root_fd, "shut/bin", 0755) == 0 && mkdirat(root_fd, "bin", 0755) == 0);
	close(openat(root_fd, "bin/text", O_CREAT | O_WRONLY, 0644));
	close(openat(root_fd, "bin/program", O_CREAT | O_WRONLY, 0755));
	OK(says(explain_inside(root_fd, "/shut/bin", 0, &other), "the container's '/shut' belongs to user", "user 4321:4321 may not enter it"));
	OK(says(explain_inside(root_fd, "/bin/text", X_OK, &other), "'/bin/text'", "may not execute it"));
	OK(says(explain_inside(root_fd, "/bin/text", X_OK, &(struct spec_user) { 0 }), "'/bin/text'", "`chmod a+x`"));
	OK(says(explain_inside(root_fd, "/bin", X_OK, &other), "'/bin' is a directory", "no program"));
	OK(explain_inside(root_fd, "/bin/text", R_OK, &other) == NULL);
	OK(explain_inside(root_fd, "/bin/nothing", X_OK, &other) == NULL);
	OK(explain_host_path(dir, X_OK) == NULL && explain_host_path("/no/such/path", 0) == NULL);
	if (geteuid() == 0 && setegid(4321) == 0 && seteuid(4321) == 0) {
		cleanup_free char *below = xasprintf("%s/shut/bin", dir), *shut = xasprintf("'%s/shut' belongs to user 0", dir);
		OK(says(explain_host_path(below, 0), shut, "you may not enter it"));
		OK(seteuid(0) == 0 && setegid(0) == 0);
	}
	static const char *const files[] = { "bin/text", "bin/program", "bin", "shut/bin", "shut" };
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		(void) unlinkat(root_fd, files[i], i < 2 ? 0 : AT_REMOVEDIR);
	(void) rmdir(dir);
}

/* sentences that are to be printed; as an ordinary user */
static void test_sentence(void)
{
	char dir[] = "/tmp/test_explain.XXXXXX";
	if (!mkdtemp(dir) || chmod(dir, 0755) < 0 || chdir(dir) < 0) {
		printf("Bail out! mkdtemp\n");
		return;
	}
	OK(mkdir("shut", 0755) == 0 && mkdir("shut/below", 0755) == 0 && mkdir("open", 0755) == 0 && chmod("shut", 0700) == 0);
	OK(symlink("../shut/below", "open/link") == 0 && symlink("loop", "open/loop") == 0 && symlink("/nowhere/x", "open/dangling") == 0);
	static const struct { const char *sentence, *want; } cases[] = {	/* "@" is the directory; want NULL: nothing is added */
		{ "open '@/shut/below/file': Permission denied", "'@/shut' belongs to user 0" },
		{ "open 'x' and '@/open/link/file': Permission denied", "'@/shut' belongs to user 0" },
		{ "mount '@/open' on '@/open/link': Operation not permitted", "'@/shut' belongs to user 0" },
		{ "create '@/open/new': Permission denied", "'@/open' belongs to user 0" },
		{ "read '@/open': Permission denied", NULL },
		{ "open '@/shut/below/file': No such file or directory", NULL },
		{ "open '@/shut/below/file': Permission denied; do this", NULL },
		{ "open '@/open/loop': Permission denied", NULL },
		{ "open '@/open/dangling': Permission denied", NULL },
		{ "open '@/shut: Permission denied", NULL },
		{ "open 'shut/below': Permission denied", NULL },
	};
	bool user = geteuid() == 0 && setegid(4321) == 0 && seteuid(4321) == 0;
	for (size_t i = 0; user && i < sizeof cases / sizeof *cases; i++) {
		cleanup_free char *sentence = with_dir(cases[i].sentence, dir), *want = cases[i].want ? with_dir(cases[i].want, dir) : NULL;
		char *said = explain_sentence(sentence);
		OK(want ? says(said, want, "so you may not") : said == NULL);
	}
	OK(!user || (seteuid(0) == 0 && setegid(0) == 0));
	static const char *const files[] = { "open/link", "open/loop", "open/dangling", "open", "shut/below", "shut" };
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		(void) unlinkat(AT_FDCWD, files[i], i < 3 ? 0 : AT_REMOVEDIR);
	(void) rmdir(dir);
}

int main(void)
{
	test_mode();
	test_inside();
	test_sentence();
	return tap_done();
}
