/* What run's options mean together: as docker's. */
#include "../../cli/container/options.h"
#include "../../cli/image/store.h"
#include "cleanup.h"
#include "tap.h"
#include <unistd.h>

enum { WORDS = 24 };

static char got[2048];

/* parse - @line's words as options and arguments, as `carrier run` would see them; "''" is an empty word */
static int parse(const char *line, const struct image *image, struct pool *pool, struct record *record)
{
	struct run_options o = run_option_defaults;
	struct strings words = { 0 };
	struct error err = { 0 };
	char *args[WORDS + 1] = { NULL };
	strings_split(&words, line, " ");
	for (size_t i = 0; i < words.n; i++)
		if (strcmp(words.v[i], "''") == 0)
			words.v[i][0] = 0;
	int r = command_parse(run_option_table, RUN_OPTIONS, 1, "carrier run", &o, (int) words.n, words.v, args, &err);
	if (r >= 0)
		r = options_to_record(&o, image, args, pool, record, &err);
	if (r < 0)
		snprintf(got, sizeof got, "%s", err.text);
	command_options_done(run_option_table, RUN_OPTIONS, &o);
	strings_done(&words);
	return r;
}

static const char *join(char *const *list)
{
	size_t n = 0;
	got[0] = 0;
	for (; list && *list; list++)
		n += (size_t) snprintf(got + n, sizeof got - n, "%s%s", n ? "|" : "", *list);
	return got;
}

#define LIST(...) ((char **) (const char *const[]) { __VA_ARGS__, NULL })

static void test_table(void)
{
	const struct command run = {
		.name = "run", .arguments = "IMAGE", .summary = "run a command", .options = run_option_table,
		.n_options = RUN_OPTIONS, .options_size = sizeof(struct run_options), .max_args = -1,
		.run = (int (*)(void *, void *, char **, int)) 1,
	};
	const struct command *const commands[] = { &run, NULL };
	const struct program program = { .name = "carrier", .summary = "s", .description = "D.", .version = "0", .commands = commands,
		.usage_exit = 125 };
	struct error err = { 0 };
	if (!OK(command_check(&program, &err) == 0))
		printf("# %s\n", err.text);
}

static void test_args(void)
{
	const struct { char **entrypoint, **cmd; const char *line, *want; } table[] = {
		{ NULL, LIST("sh"), "", "sh" },
		{ NULL, LIST("sh"), "ls -l", "ls|-l" },
		{ LIST("/e", "x"), LIST("a", "b"), "", "/e|x|a|b" },
		{ LIST("/e", "x"), LIST("a", "b"), "c", "/e|x|c" },
		{ LIST("/e"), NULL, "", "/e" },
		{ LIST("/e"), LIST("a"), "--entrypoint /f", "/f" },
		{ LIST("/e"), LIST("a"), "--entrypoint /f b c", "/f|b|c" },
		{ LIST("/e"), LIST("a"), "--entrypoint '' b", "b" },
		{ LIST("/e"), LIST("a"), "--entrypoint ''", "there is no command: --entrypoint clears the image's; give one behind the image" },
		{ NULL, NULL, "", "there is no command: the image has neither ENTRYPOINT nor CMD; give one behind the image" },
		{ NULL, LIST("sh"), "''", "the command is an empty word; give the name of a program" },
		{ LIST("/e"), NULL, "sh -c --rm", "/e|sh|-c|--rm" },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct pool pool CLEANUP(pool_done) = { 0 };
		struct image_config config = { .config = { .entrypoint = table[i].entrypoint, .cmd = table[i].cmd } };
		struct image image = { .config = &config };
		struct record record = { 0 };
		if (parse(table[i].line, &image, &pool, &record) == 0)
			(void) join(record.args);
		OK_STR(got, table[i].want);
	}
}

static void test_env(void)
{
	struct image_config config = { .config = { .env = LIST("A=1", "B=2", "PATH=/bin"), .cmd = LIST("sh") } };
	struct image image = { .config = &config };
	static const struct { const char *line, *want; } table[] = {
		{ "", "PATH=/bin|A=1|B=2" },
		{ "-t", "PATH=/bin|TERM=xterm|A=1|B=2" },
		{ "-t -e TERM=vt100", "PATH=/bin|TERM=vt100|A=1|B=2" },
		{ "-e B=3 -e C= --env D=x=y", "PATH=/bin|A=1|B=3|C=|D=x=y" },
		{ "-e GIVEN -e A", "PATH=/bin|B=2|GIVEN=from me" },
		{ "-e =x", "--env '=x': there is no name; give NAME=VALUE, or NAME for your own value" },
	};
	setenv("GIVEN", "from me", 1);
	unsetenv("A");
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct pool pool CLEANUP(pool_done) = { 0 };
		struct record record = { 0 };
		if (parse(table[i].line, &image, &pool, &record) == 0)
			(void) join(record.env);
		OK_STR(got, table[i].want);
	}
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct record record = { 0 };
	OK(parse("--rootfs / true", NULL, &pool, &record) == 0);
	OK_STR(join(record.env), "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}

static void test_errors(void)
{
	static const struct { const char *line, *want; } table[] = {
		{ "--memory 1m", "--memory: the least that a container can be started with is 6m (6291456 bytes)" },
		{ "--cpus x", "--cpus 'x': give a number of processors, such as 2 or 0.5" },
		{ "--cpus 1.2.3", "--cpus '1.2.3': give a number of processors, such as 2 or 0.5" },
		{ "--cpus .", "--cpus '.': give a number of processors, such as 2 or 0.5" },
		{ "--cpus 0.001", "--cpus '0.001': the least is 0.01" },
		{ "--pids-limit -2", "--pids-limit: give a number, or -1 for no limit" },
		{ "--network host:x", "--network 'host:x': host has no options" },
		{ "--network container:", "--network 'container:': give container:NAME" },
		{ "--network ns:x", "--network 'ns:x': give ns: and an absolute path, such as ns:/run/netns/blue" },
		{ "--network -x", "--network '-x': '-x' is not a name; letters, digits, '_', '.' and '-', the first a letter or digit" },
		{ "--network none --network a", "--network none cannot be together with another network; only networks that have a name can" },
		{ "--network a --network a", "--network a: given twice" },
		{ "--network a:ip=x", "--network a: 'x': not an IPv4 address" },
		{ "--network a:id=x", "--network 'a:id=x': of a network there are ip=, ip6=, mac= and alias=, not 'id=x'" },
		{ "--network a:mac=01:00:00:00:00:00", "--network a: '01:00:00:00:00:00': this is the address of a group; the second digit must be even" },
		{ "--network a:alias=-", "--network a: '-': not a host name; up to 63 letters, digits, '-', '_' and '.'" },
		{ "--network a --network b --ip 1.2.3.4", "--ip with several networks: say it with the one that is meant, such as --network a:ip=1.2.3.4" },
		{ "--ip 1.2.3.4", "--ip is for networks that have a name: `carrier network create NAME`, then --network NAME" },
		{ "--network none -p 80", "--publish with --network none: there is no network by which the port could be reached" },
		{ "--network a:ip=1.2.3.4 --ip 1.2.3.5", "--ip '1.2.3.5': it has the address 1.2.3.4 already" },
		{ "--network a --mac-address x", "--mac-address 'x': not a hardware address such as 92:d0:c6:0a:29:33" },
		{ "-w rel", "--workdir 'rel': give an absolute path" },
		{ "--stop-signal NOPE", "--stop-signal 'NOPE': no such signal; give a name like TERM, or a number" },
		{ "--hostname a/b", "--hostname 'a/b': not a host name; up to 64 letters, digits, '-', '_' and '.'" },
		{ "--cap-add NET_ADMN", "--cap-add: there is no capability 'NET_ADMN'; did you mean 'NET_ADMIN'?" },
		{ "--security-opt seccomp=/x", "--security-opt 'seccomp=/x': open '/x': No such file or directory" },
		{ "--security-opt foo", "--security-opt 'foo': there are seccomp=, apparmor=, label=, no-new-privileges, mask=, unmask=, systempaths= and proc-opts=" },
		{ "--add-host x", "--add-host 'x': give NAME:ADDRESS" },
		{ "--add-host x:y", "--add-host: 'y' is not an address" },
		{ "--dns 1.2.3", "--dns: '1.2.3' is not an address" },
		{ "--label =x", "--label '=x': give NAME=VALUE" },
		{ "-f /proc/version", "--rootfs '/proc/version': not a directory" },
		{ "-f /nowhere", "--rootfs '/nowhere': No such file or directory" },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct pool pool CLEANUP(pool_done) = { 0 };
		struct record record = { .id = got }, was = record;
		char line[256];
		snprintf(line, sizeof line, "--rootfs / %s true", table[i].line);
		OK(parse(line, NULL, &pool, &record) < 0 && memcmp(&record, &was, sizeof was) == 0);
		OK_STR(got, table[i].want);
	}
}

static void test_values(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct image_config config = { .config = { .user = (char *) "daemon", .working_dir = (char *) "/srv//x/",
		.stop_signal = (char *) "SIGINT", .cmd = LIST("sh"),
		.labels = { 2, (struct json_pair[]) { { (char *) "a", (char *) "1" }, { (char *) "b", (char *) "2" } } } } };
	struct image image = { .config = &config, .config_digest = (char *) "sha256:c", .manifest_digest = (char *) "sha256:m" };
	struct record r = { .id = (char *) "keep" };
	OK(parse("", &image, &pool, &r) == 0);
	OK_STR(r.id, "keep");
	OK_STR(r.user, "daemon");
	OK_STR(r.workdir, "/srv/x");
	OK_STR(r.stop_signal, "SIGINT");
	OK_STR(r.image_id, "sha256:c");
	OK_STR(r.manifest, "sha256:m");
	OK(!r.hostname && !r.network && !r.rootfs && !r.tty && r.stop_timeout == 10);
	OK(r.memory == 0 && r.cpu_quota == 0 && r.pids_limit == 0 && r.n_mounts == 0);
	OK(!r.settings.capabilities && !r.settings.no_capabilities && !r.settings.seccomp_unconfined && !r.settings.no_new_privileges && !r.settings.hosts && !r.settings.dns);

	OK(parse("-it -m 64m --cpus 1.5 --pids-limit 9 -u 3:4 -w / -l b=3 -l c --stop-signal KILL --hostname h --net none "
		 "--add-host v6=[::1] --add-host g:host-gateway --dns 9.9.9.9 --security-opt seccomp=unconfined "
		 "--security-opt no-new-privileges", &image, &pool, &r) == 0);
	OK(r.tty && r.interactive && r.memory == 64 << 20 && r.cpu_quota == 150000 && r.cpu_period == 100000 && r.pids_limit == 9);
	OK_STR(r.user, "3:4");
	OK_STR(r.network, "none");
	OK(r.labels.n == 3 && strcmp(r.labels.pairs[1].value, "3") == 0 && strcmp(r.labels.pairs[2].value, "") == 0);
	OK_STR(join(r.settings.hosts), "v6 ::1|g host-gateway");
	OK_STR(join(r.settings.dns), "9.9.9.9");
	OK(r.settings.seccomp_unconfined && r.settings.no_new_privileges);

	OK(parse("--memory -1 --cpus 0.29 --pids-limit -1", &image, &pool, &r) == 0);
	OK(r.memory == 0 && r.pids_limit == 0 && r.cpu_quota == 29000);
}

static void test_capabilities(void)
{
	static const struct { const char *line, *want; } table[] = {
		{ "--cap-drop ALL --cap-add chown --cap-add cap_net_raw", "CAP_CHOWN|CAP_NET_RAW" },
		{ "--cap-drop all", "" },
		{ "--cap-add SYS_PTRACE --cap-drop MKNOD --cap-drop CHOWN",
		  "CAP_DAC_OVERRIDE|CAP_FOWNER|CAP_FSETID|CAP_KILL|CAP_SETGID|CAP_SETUID|CAP_SETPCAP|CAP_NET_BIND_SERVICE|CAP_NET_RAW|"
		  "CAP_SYS_CHROOT|CAP_SYS_PTRACE|CAP_AUDIT_WRITE|CAP_SETFCAP" },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct pool pool CLEANUP(pool_done) = { 0 };
		struct record record = { 0 };
		char line[256];
		snprintf(line, sizeof line, "--rootfs / %s true", table[i].line);
		OK(parse(line, NULL, &pool, &record) == 0);
		OK_STR(join(record.settings.capabilities), table[i].want);
		OK(record.settings.no_capabilities == !*table[i].want);
	}
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct record record = { 0 };
	OK(parse("--rootfs / --cap-add ALL --cap-drop SYS_ADMIN true", NULL, &pool, &record) == 0);
	OK(strings_count(record.settings.capabilities) == 40 && !strings_have(record.settings.capabilities, "CAP_SYS_ADMIN"));
}

int main(void)
{
	test_table();
	test_args();
	test_env();
	test_errors();
	test_values();
	test_capabilities();
	return tap_done();
}
