/* Names of pending.json: bytes that are no text come back as they were. */
#include "../../cli/image/chain.h"
#include "fs.h"
#include "proc.h"
#include "mem.h"
#include "tap.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void round_trip(const char *name, const char *written)
{
	struct error err = { 0 };
	struct pool pool = { 0 };
	struct pending_link link = { pending_escape(name), pending_escape("t") };
	char *directories[] = { link.path, NULL };
	struct pending p = { .directories = directories, .links = &link, .n_links = 1 }, *again = NULL;
	size_t len;
	OK_STR(link.path, written);
	char *text = json_encode(&pending_type, &p, JSON_COMPACT, &len);
	OK(json_decode(&pending_type, text, len, &pool, &again, &err) == 0);
	if (again) {
		OK(pending_read(again, &err) == 0);
		OK_STR(again->directories[0], name);
		OK_STR(again->links[0].path, name);
		OK_STR(again->links[0].target, "t");
	}
	free(text);
	free(link.path);
	free(link.target);
	pool_done(&pool);
}

static void unescapes(const char *written, const char *name)
{
	char text[64];
	char *directories[] = { strcpy(text, written), NULL };
	struct pending p = { .directories = directories };
	OK(pending_read(&p, NULL) == 0);
	OK_STR(text, name);
}

/* refused - in each place where a name may be */
static void refused(const char *written)
{
	char one[512], good[] = "good";
	char *directories[] = { one, NULL };
	struct pending_link link = { good, one };
	struct pending in_directories = { .directories = directories }, in_target = { .links = &link, .n_links = 1 };
	struct error err = { 0 };
	OK(pending_read(&in_directories, (strcpy(one, written), &err)) == -EBADMSG && strstr(err.text, "which carrier-unpack does not write"));
	OK(pending_read(&in_target, (strcpy(one, written), &err)) == -EBADMSG);
	link = (struct pending_link) { one, good };
	OK(pending_read(&in_target, (strcpy(one, written), &err)) == -EBADMSG);
}

/* link_for_a_tree - a layer's directory is what its unpacker could write to: no link there is taken for the tree */
static void link_for_a_tree(void)
{
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	char root[] = "/tmp/test-pending-XXXXXX", digest[] = "sha256:" HEX;
	char *const diff_ids[] = { digest, NULL };
	struct store store cleanup_store = STORE_INIT;
	struct error err = { 0 };
	bool made = mkdtemp(root) && store_open(root, &store, &err) == 0 && mkdirat(store.fd, "layers/sha256/" HEX, 0700) == 0 &&
		    symlinkat("/", store.fd, "layers/sha256/" HEX "/diff") == 0 &&
		    fs_replace_file(store.fd, "layers/sha256/" HEX "/boot", proc_boot_id(), strlen(proc_boot_id()), 0600, false, &err) == 0;
	OK(made && chain_settle(&store, digest, diff_ids, &err) == -ENOTDIR);
	OK_STR(err.text, "open layer " "sha256:" HEX ": Not a directory");
	(void) fs_remove_tree(AT_FDCWD, root, NULL);
}

int main(void)
{
	link_for_a_tree();
	round_trip("plain/name", "plain/name");
	round_trip("\xc3\xbc/\xf0\x9f\x98\x80", "\xc3\xbc/\xf0\x9f\x98\x80");
	round_trip("100%/%41", "100%25/%2541");
	round_trip("d\xff/\xc3", "d%ff/%c3");
	round_trip("\xed\xa0\x80\xc0\x80\xf4\x90\x80\x80", "%ed%a0%80%c0%80%f4%90%80%80");	/* a surrogate, overlong, too large */
	round_trip("new\nline\"\\\x01", "new\nline\"\\\x01");	/* JSON's own matter */
	/* what nobody wrote is not guessed at */
	unescapes("%", "%");
	unescapes("%4", "%4");
	unescapes("%zz%4z%FF", "%zz%4z%FF");
	unescapes("a%00b", "a%00b");
	unescapes(".", ".");
	refused("");
	refused("/etc");
	refused("..");
	refused("a/../b");
	refused("a/./b");
	refused("a//b");
	refused("a/");
	refused("%2e%2e/x");
	char *too_long = xmalloc(301);
	memset(too_long, 'n', 300);
	too_long[300] = 0;
	refused(too_long);
	free(too_long);
	struct pending none = { 0 };
	OK(pending_read(&none, NULL) == 0);
	return tap_done();
}
