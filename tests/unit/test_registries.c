#include "../../cli/image/registries.h"
#include "tap.h"
#include <errno.h>
#include <string.h>

static struct registries r;
static struct pool pool;
static struct error err;

static int add(const char *file, const char *text)
{
	err = (struct error) { 0 };
	return registries_add(&r, text, strlen(text), file, &err);
}

static int only(const char *text)
{
	registries_done(&r);
	return add("f", text);
}

/* candidates - joined by blanks, or the sentence */
static const char *candidates(const char *name)
{
	static char text[500];
	struct strings list cleanup_strings = { 0 };
	*text = 0;
	if (registries_candidates(&r, name, &list, &err) < 0)
		return err.text;
	for (size_t i = 0; i < list.n; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "", list.v[i]);
	return text;
}

/* places - "registry/path" joined by blanks, an insecure one with "!", or the sentence */
static const char *places(const char *name)
{
	static char text[500];
	struct reference ref;
	struct registry_place *list;
	size_t n;
	*text = 0;
	if (reference_parse(name, &pool, &ref, &err) < 0 || registries_places(&r, &ref, &pool, &list, &n, &err) < 0)
		return err.text;
	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s/%s%s", i ? " " : "", list[i].registry, list[i].path,
			 list[i].insecure ? "!" : "");
	return text;
}

static void test_short_names(void)
{
	OK_STR(candidates("debian:12"), "docker.io/debian:12");
	OK(only("unqualified-search-registries = ['quay.io', 'localhost:5000']\n[aliases]\n'fedora' = 'registry.fedoraproject.org/fedora'\n"
		"'a/b'='x.io/y'") == 0);
	OK_STR(candidates("debian:12"), "quay.io/debian:12 localhost:5000/debian:12");
	OK_STR(candidates("fedora:40"), "registry.fedoraproject.org/fedora:40");
	OK_STR(candidates("a/b"), "x.io/y");
	OK_STR(candidates("fedora@sha256:aa"), "registry.fedoraproject.org/fedora@sha256:aa");
	OK_STR(candidates("z/fedora"), "quay.io/z/fedora localhost:5000/z/fedora");
	OK(r.mode == SHORT_NAMES_PERMISSIVE);
	/* another file over it */
	OK(add("g", "short-name-mode = 'enforcing'\nunqualified-search-registries = ['one.io']\n[aliases]\nfedora = ''\nnew = 'n.io/n'") == 0);
	OK_STR(candidates("fedora"), "one.io/fedora");
	OK_STR(candidates("new"), "n.io/n");
	OK(r.mode == SHORT_NAMES_ENFORCING);
	OK(only("unqualified-search-registries = []") == 0);
	OK_STR(candidates("debian"), "'debian' names no registry, and registries.conf has none to search (unqualified-search-registries = []);"
	       " give REGISTRY/debian");
	OK(only("[[registry]]\nlocation = 'x.io'") == 0);
	OK_STR(candidates("debian"), "docker.io/debian");
}

static void test_places(void)
{
	registries_done(&r);
	OK_STR(places("debian"), "docker.io/library/debian");
	OK(only("[[registry]]\nprefix = 'example.com/foo'\nlocation = 'internal:5000/bar'\ninsecure = true\n"
		"[[registry.mirror]]\nlocation = 'm1.io'\n[[registry.mirror]]\nlocation = 'm2.io/x'\ninsecure = true\npull-from-mirror = 'digest-only'\n"
		"[[registry.mirror]]\nlocation = 'm3.io/y'\npull-from-mirror = 'tag-only'\n"
		"[[registry]]\nlocation = 'example.com/foo/inner'\nblocked = true\n"
		"[[registry]]\nprefix = '*.wild.org'\ninsecure = true\n[[registry]]\nprefix='*.w2.org'\nlocation='w.io/all'\n"
		"[[registry]]\nlocation='docker.io'\n[[registry.mirror]]\nlocation='hub.local'\n") == 0);
	OK_STR(places("example.com/foo/image:1"), "m1.io/image m3.io/y/image internal:5000/bar/image!");
	OK_STR(places("example.com/foo/image@sha256:0123456789012345678901234567890123456789012345678901234567890123"),
	       "m1.io/image m2.io/x/image! internal:5000/bar/image!");
	OK_STR(places("example.com/foobar/image"), "example.com/foobar/image");
	OK_STR(places("example.com/foo/inner/x"), "registry 'example.com/foo/inner' is blocked by f, which holds blocked = true for it");
	OK_STR(places("example.com/foo/innermost"), "m1.io/innermost m3.io/y/innermost internal:5000/bar/innermost!");
	OK_STR(places("a.b.wild.org/x"), "a.b.wild.org/x!");
	OK_STR(places("a.wild.org:500/x"), "a.wild.org:500/x!");
	OK_STR(places("wild.org/x"), "wild.org/x");
	OK_STR(places("a.wild.orgs/x"), "a.wild.orgs/x");
	OK_STR(places("other.io/a.wild.org/x"), "other.io/a.wild.org/x");
	OK_STR(places("a.w2.org/x/y"), "w.io/all/x/y");
	OK_STR(places("debian"), "hub.local/library/debian docker.io/library/debian");
	/* a whole rule is replaced by a later file's */
	OK(add("g", "[[registry]]\nlocation = 'docker.io'\ninsecure = true") == 0);
	OK_STR(places("debian"), "docker.io/library/debian!");
	OK(only("[[registry]]\nlocation = 'x.io'\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = 'm.io'") == 0);
	OK_STR(places("x.io/a"), "x.io/a");
	OK_STR(places("x.io/a@sha256:0123456789012345678901234567890123456789012345678901234567890123"), "m.io/a x.io/a");
	OK(only("[[registry]]\nprefix = 'x.io'\nlocation = 'x.io/A'\n") == -EINVAL);
}

static void test_wrong(void)
{
	OK(only("unqualified-search-registries = 'docker.io'") == -EINVAL);
	OK_STR(err.text, "f, line 1: unqualified-search-registries is a string; expected is an array of strings");
	OK(only("unqualified-search-registries = ['docker.io', 3]") == -EINVAL);
	OK(only("unqualified-search-registries = ['dockerio']") == -EINVAL);
	OK_STR(err.text, "f, line 1: 'dockerio' is no place: expected is HOST[:PORT][/PATH], where a HOST has a dot, a port or is localhost");
	OK(only("\nshort-name-mode = 'strict'") == -EINVAL);
	OK_STR(err.text, "f, line 2: short-name-mode is 'strict'; there are permissive, enforcing, disabled");
	OK(only("[[registry]]\ninsecure = 'yes'\nlocation='x.io'") == -EINVAL);
	OK_STR(err.text, "f, line 2: insecure is a string; expected is true or false");
	OK(only("[[registry]]\ninsecure = true") == -EINVAL);
	OK_STR(err.text, "f, line 1: a registry with neither prefix nor location");
	OK(only("[[registry]]\nprefix = 'x.io'") == -EINVAL);
	OK_STR(err.text, "f, line 1: prefix 'x.io' has no location");
	OK(only("[[registry]]\nprefix = '*.x.io/y'") == -EINVAL && only("[[registry]]\nprefix = 'a.*.io'\nlocation='x.io'") == -EINVAL);
	OK(only("[[registry]]\nlocation = 'x.io'\n[[registry]]\nlocation = 'x.io'") == -EINVAL);
	OK_STR(err.text, "f: registry 'x.io' is there twice");
	OK(only("[[registry]]\nlocation = 'x.io'\n[[registry.mirror]]\ninsecure = true") == -EINVAL);
	OK_STR(err.text, "f, line 3: a mirror without a location");
	OK(only("[[registry]]\nlocation = 'x.io'\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = 'm.io'\npull-from-mirror = 'tag-only'") == -EINVAL);
	OK(only("[[registry]]\nlocation = 'http://x.io'") == -EINVAL && only("[registry]\nlocation = 'x.io'") == -EINVAL);
	OK(only("registry = ['x.io']") == -EINVAL && only("[[registry]]\nlocation='x.io'\nmirror = 'm.io'") == -EINVAL);
	OK(only("[aliases]\nx = 'y'") == -EINVAL && only("[aliases]\n'x:1' = 'y.io/z'") == -EINVAL && only("aliases = 3") == -EINVAL);
	OK(only("[registries.search]\nregistries = ['docker.io']") == -ENOTSUP);
	OK(strstr(err.text, "version 1") != NULL);
	OK(only("x = ") == -EINVAL && strncmp(err.text, "f: line 1:", 10) == 0);
	OK(only("unknown = 1\n[more]\nx = 1") == 0);
}

int main(void)
{
	test_short_names();
	test_places();
	test_wrong();
	registries_done(&r);
	pool_done(&pool);
	return tap_done();
}
