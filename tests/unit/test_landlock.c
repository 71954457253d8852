/* The words of the annotation io.woody.landlock. */
#include "../../woody/landlock.h"
#include "cleanup.h"
#include "str.h"
#include "tap.h"

static struct error last;
static struct landlock_rules rules;

static int parse(const char *value)
{
	landlock_done(&rules);
	last = (struct error) { 0 };
	return landlock_parse(value, &rules, &last);
}

static void test_good(void)
{
	OK(parse(NULL) == 0 && !rules.n_paths && !rules.n_ports && !rules.net && !rules.scopes);
	OK(parse("ro:/usr ro:/lib\trw:/data\nexec:/bin tcp-connect:443 tcp-bind:8080 scope:abstract-unix,signal") == 0);
	OK(rules.n_paths == 4 && rules.n_ports == 2 && rules.net == 3 && rules.scopes == 3);
	OK_STR(rules.paths[0].path, "/usr");
	OK_STR(rules.paths[3].path, "/bin");
	OK(rules.paths[0].access == 0xc);			/* READ_FILE, READ_DIR */
	OK(rules.paths[2].access == (0xffff & ~1));		/* everything but EXECUTE */
	OK(rules.paths[3].access == 0xd);			/* and EXECUTE */
	OK(rules.ports[0].access == 2 && rules.ports[0].port == 443);	/* CONNECT_TCP */
	OK(rules.ports[1].access == 1 && rules.ports[1].port == 8080);	/* BIND_TCP */

	OK(parse(" ro:/ ") == 0 && rules.n_paths == 1 && !rules.net && !rules.scopes);
	OK(parse("ro:/a,b=c:d") == 0);	/* no separators but blanks */
	OK_STR(rules.paths[0].path, "/a,b=c:d");
	OK(parse("tcp-connect:80,443,0,65535") == 0 && rules.n_ports == 4 && rules.net == 2 && rules.ports[3].port == 65535);
	OK(parse("tcp-bind:none") == 0 && rules.n_ports == 0 && rules.net == 1);
	OK(parse("tcp-connect:none tcp-connect:80") == 0 && rules.n_ports == 1);
	OK(parse("scope:signal") == 0 && rules.scopes == 2 && !rules.n_paths);
	OK(parse("scope:abstract-unix scope:abstract-unix") == 0 && rules.scopes == 1);
}

static void test_bad(void)
{
	static const char *const values[] = {
		"", " ", "\n", "ro", "ro:", "ro:usr", "ro: /usr", "/usr", "rx:/usr", "RO:/usr", "rw:.", "exec:~",
		"tcp:80", "tcp-connect", "tcp-connect:", "tcp-connect:,", "tcp-connect:http", "tcp-connect:65536", "tcp-connect:-1",
		"tcp-connect:80-90", "tcp-bind:80,x", "tcp-bind: 80", "tcp-bind:0x50", "tcp-bind:none,80", "scope:", "scope:all", "scope:signal,x",
		"scope:signals", "udp-bind:53", NULL,
	};
	struct landlock_rules untouched = { .n_ports = 77 };
	for (int i = 0; values[i]; i++) {
		last = (struct error) { 0 };
		int r = landlock_parse(values[i], &untouched, &last);
		if (!OK(r == -EINVAL && untouched.n_ports == 77 && str_starts(last.text, "annotation io.woody.landlock: '")))
			printf("# '%s': %s\n", values[i], last.text);
	}
	OK(parse("ro:/usr tcp-bind:99999") == -EINVAL);
	OK_STR(last.text, "annotation io.woody.landlock: 'tcp-bind:99999': a port is a number from 0 to 65535");
	OK(parse("ro:usr") == -EINVAL);
	OK_STR(last.text, "annotation io.woody.landlock: 'ro:usr': the path must be absolute");
}

int main(void)
{
	test_good();
	test_bad();
	landlock_done(&rules);
	return tap_done();
}
