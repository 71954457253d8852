/* test_command.c - argv in, structs, sentences and exit codes out; help, man pages and completion as people
 * and shells see them. */
#include "cleanup.h"
#include "command.h"
#include "mem.h"
#include "tap.h"
#include <sys/mman.h>

/* ---- two programs ---- */

struct run_options {
	bool detach, tty, verify;
	char *name, *rootfs;
	struct strings env;
	int64_t pids, memory;
};
static const struct option_def run_options[] = {
	OPTION(struct run_options, detach, 'd', "detach", NULL, "run in the background"),
	OPTION(struct run_options, tty, 't', "tty", NULL, "give the command a terminal"),
	OPTION(struct run_options, verify, 0, "tls-verify", NULL,
	       "ask for the registry's certificate; it's on by default"),
	OPTION(struct run_options, name, 'n', "name", "NAME",
	       "give the container this name, by which all other commands "
	       "know it as well; it must be unique among the containers of this user and may be changed with "
	       "rename"),
	OPTION(struct run_options, rootfs, 'f', "fsroot|rootfs", "DIR", "use this directory"),
	OPTION(struct run_options, env, 'e', "env", "NAME=VALUE",
	       "set an environment variable; again for more"),
	OPTION(struct run_options, pids, 0, "pids-limit", "N", "at most this many processes"),
	OPTION_SIZE(struct run_options, memory, 'm', "memory", "BYTES",
		    "limit the memory, as in 512m; -1: no limit"),
	OPTION(struct run_options, name, 0, "secret-name", "NAME", NULL),
};
static const struct run_options run_defaults = { .verify = true, .pids = 2048 };

struct global { bool debug; char *root; char *log_format; struct strings more; };
static const struct option_def global_options[] = {
	OPTION(struct global, debug, 0, "debug", NULL, "tell more"),
	OPTION(struct global, root, 0, "root", "DIR", "where the containers are"),
	OPTION(struct global, log_format, 0, "log-format", "text|json", "how the log is written"),
	OPTION(struct global, more, 'm', "more", "WORD", "collect words"),
};

struct compose_options { char *file; };
static const struct option_def compose_options[] = {
	OPTION(struct compose_options, file, 'f', "file", "FILE", "the compose file"),
};

/* what the hooks saw */
static struct { struct run_options run; char args[256], env[256], file[64], order[64], logged[1024]; } seen;

static void note_args(char **args, int n)
{
	seen.args[0] = 0;
	for (int i = 0; i < n; i++)
		snprintf(seen.args + strlen(seen.args), sizeof seen.args - strlen(seen.args), "%s[%s]",
			 i ? " " : "", args[i]);
}

static int run_run(void *program, void *options, char **args, int n)
{
	seen.run = *(struct run_options *) options;
	seen.env[0] = 0;
	for (size_t i = 0; i < seen.run.env.n; i++)
		snprintf(seen.env + strlen(seen.env), sizeof seen.env - strlen(seen.env), "<%s>",
			 seen.run.env.v[i]);
	note_args(args, n);
	strcat(seen.order, "run");
	return 42;
}

static int run_plain(void *program, void *options, char **args, int n)
{
	note_args(args, n);
	strcat(seen.order, "plain");
	return options ? 1 : 0;
}

static int prepare(void *program, void *options)
{
	const struct global *g = options;
	strcat(seen.order, "program ");
	return g->root && !strcmp(g->root, "/bad") ? 7 : 0;
}

static int prepare_compose(void *program, void *options)
{
	const struct compose_options *o = options;
	snprintf(seen.file, sizeof seen.file, "%s", o->file ? o->file : "");
	strcat(seen.order, "compose ");
	return 0;
}

static void logged(void *program, void *options, const struct error *err)
{
	snprintf(seen.logged, sizeof seen.logged, "%s", err->text);
}

static const struct command command_run = {
	.name = "run",
	.section = "Containers",
	.arguments = "IMAGE [COMMAND [ARG...]]",
	.summary = "run a command in a new container",
	.description = "Makes a container of the image and runs COMMAND in it, or the image's own command "
		       "where none is "
		       "given. The exit code is the command's.\n\n.dots and \\backslashes\n\n\tcarrier run "
		       "-it debian sh\n"
		       "\tcarrier run --rm 'debian' .x\n\nThe end.",
	.exit_status = "125 carrier's own failure\n\n126 COMMAND cannot be executed",
	.examples = "As it is:\n\tcarrier run debian",
	.see_also = "podman-run(1), runc(8)",
	OPTIONS(struct run_options, run_options),
	.min_args = 1,
	.max_args = -1,
	.stop_after = 1,
	.defaults = &run_defaults,
	.run = run_run,
};
static const struct command command_update = {
	.name = "update", .arguments = "CONTAINER", .summary = "change a container's limits",
	OPTIONS(struct run_options, run_options), .min_args = 1, .max_args = 1, .run = run_run,
};
static const struct command command_start = { .name = "start", .arguments = "CONTAINER [CONTAINER...]",
	.summary = "start containers", .min_args = 1, .max_args = -1, .run = run_plain };
static const struct command command_list = { .name = "list|ls|ps",
					     .summary = "list containers",
					     .run = run_plain };
static const struct command command_rename = { .name = "rename", .arguments = "CONTAINER NAME",
	.summary = "give a container another name", .min_args = 2, .max_args = 2, .run = run_plain };
static const struct command command_hidden = { .name = "secret-door", .run = run_plain };
static const struct command image_inspect = { .name = "inspect|info", .arguments = "IMAGE [IMAGE...]",
	.summary = "show all about images", .min_args = 1, .max_args = -1, .run = run_plain };
static const struct command *const image_commands[] = { &image_inspect, NULL };
static const struct command command_image = {
	.name = "image", .section = "Images", .summary = "work with images", .sub = image_commands
};
static const struct command compose_up = { .name = "up",
					   .arguments = "[SERVICE...]",
					   .summary = "start services",
					   .max_args = -1,
					   .run = run_plain };
static const struct command *const compose_commands[] = { &compose_up, NULL };
static const struct command command_compose = { .name = "compose",
						.summary = "several containers at once",
						OPTIONS(struct compose_options, compose_options),
						.sub = compose_commands,
						.prepare = prepare_compose };
static const struct command *const commands[] = { &command_run,	   &command_start,   &command_list,
						  &command_rename, &command_update,  &command_hidden,
						  &command_image,  &command_compose, NULL };
static const struct completer completers[] = { { "CONTAINER", "words ctr3 ctr4", "update" }, { "CONTAINER", "words ctr1 ctr2", NULL },
	{ "IMAGE", "words img img:2", NULL }, { NULL, NULL, NULL } };
static const struct program carrier = {
	.name = "carrier",
	.summary = "containers without a daemon",
	.version = "0.1.0",
	.description = "Runs containers.",
	.see_also = "woody(8)",
	OPTIONS(struct global, global_options),
	.commands = commands,
	.completers = completers,
	.usage_exit = 125,
	.prepare = prepare,
	.on_usage_error = logged,
};

static void woody_version(FILE *out) { fputs("woody version 9\nspec: 1.3.0\n", out); }
static const struct command *const woody_commands[] = { &command_start, &command_update, NULL };
static const struct program woody = {
	.name = "woody", .summary = "Open Container Initiative runtime", .man_section = 8,
	.commands = woody_commands, .usage_exit = 1, .print_version = woody_version,
};

/* ---- running them ---- */

static struct global global;
static struct { char out[65536], err[65536]; } printed;

static int to_memory(int fd, int *ret_saved)
{
	int mem = memfd_create("printed", MFD_CLOEXEC);
	*ret_saved = dup(fd);
	dup2(mem, fd);
	return mem;
}

static void from_memory(int fd, int saved, int mem, char *text, size_t size)
{
	dup2(saved, fd);
	close(saved);
	ssize_t n = pread(mem, text, size - 1, 0);
	text[n > 0 ? n : 0] = 0;
	close(mem);
}

/* the exit code of "PROGRAM WORDS"; words are split at blanks, "''" is the empty word */
static int call(const struct program *p, const char *words)
{
	static struct strings argv;	/* what was parsed points into it: kept until the next call */
	strings_done(&argv);
	strings_add(&argv, "/usr/bin/whatever");
	strings_split(&argv, words, " ");
	for (size_t i = 0; i < argv.n; i++)
		if (!strcmp(argv.v[i], "''"))
			argv.v[i][0] = 0;
	memset(&seen, 0, sizeof seen);
	global = (struct global) { 0 };
	(void) fflush(stdout);
	int out, err, mem_out = to_memory(1, &out), mem_err = to_memory(2, &err);
	int r = command_main(p, NULL, &global, (int) argv.n, argv.v);
	fflush(stdout);
	from_memory(1, out, mem_out, printed.out, sizeof printed.out);
	from_memory(2, err, mem_err, printed.err, sizeof printed.err);
	return r;
}

static void test_help(void)
{
	static const char *const woody_top[] = { "", "-h", "--help", "help" };
	for (size_t i = 0; i < sizeof woody_top / sizeof *woody_top; i++) {
		OK(call(&woody, woody_top[i]) == 0);
		OK(str_starts(printed.out,
			      "NAME:\n   woody - Open Container Initiative runtime\n\nUSAGE:\n   woody "));
		OK_STR(printed.err, "");
	}
	static const char *const woody_start[] = { "start -h", "start --help", "help start", "start x -h",
						   "start x y --help" };
	for (size_t i = 0; i < sizeof woody_start / sizeof *woody_start; i++) {
		OK(call(&woody, woody_start[i]) == 0);
		OK_STR(printed.out, "NAME:\n   woody start - start containers\n\n"
		       "USAGE:\n   woody start CONTAINER [CONTAINER...]\n\n"
		       "OPTIONS:\n   -h, --help  show this help\n");
	}
	OK(call(&woody, "foo -h") == 1);
	OK_STR(printed.err, "woody: No help topic for 'foo'. See 'woody --help'.\n");
	OK(call(&woody, "help foo") == 1);
	OK(strstr(printed.err, "No help topic for 'foo'") != NULL);
	OK(call(&carrier, "help image inspct") == 125);
	OK_STR(printed.err, "carrier: No help topic for 'image inspct'; did you mean 'image inspect'? "
	       "See 'carrier image --help'.\n");
	OK(call(&carrier, "strat --help") == 125);
	OK_STR(printed.err,
	       "carrier: No help topic for 'strat'; did you mean 'start'? See 'carrier --help'.\n");

	OK(call(&carrier, "") == 0);
	OK_STR(printed.out,
	       "NAME:\n   carrier - containers without a daemon\n\n"
	       "USAGE:\n   carrier [GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]\n\n"
	       "DESCRIPTION:\n   Runs containers.\n\n"
	       "COMMANDS:\n"
	       "  Containers:\n"
	       "   run           run a command in a new container\n"
	       "   start         start containers\n"
	       "   list, ls, ps  list containers\n"
	       "   rename        give a container another name\n"
	       "   update        change a container's limits\n\n"
	       "  Images:\n"
	       "   image         work with images\n"
	       "   compose       several containers at once\n"
	       "   help          show what a command does and its options\n\n"
	       "GLOBAL OPTIONS:\n"
	       "       --debug                 tell more\n"
	       "       --root DIR              where the containers are\n"
	       "       --log-format text|json  how the log is written\n"
	       "   -m, --more WORD             collect words\n"
	       "   -h, --help                  show this help\n"
	       "   -v, --version               show the version\n\n"
	       "'carrier COMMAND --help' shows the options of a command.\n");

	OK(call(&carrier, "run --help") == 0);
	OK_STR(printed.out,
	       "NAME:\n   carrier run - run a command in a new container\n\n"
	       "USAGE:\n   carrier run [OPTIONS] IMAGE [COMMAND [ARG...]]\n\n"
	       "DESCRIPTION:\n"
	       "   Makes a container of the image and runs COMMAND in it, or the image's own\n"
	       "   command where none is given. The exit code is the command's.\n\n"
	       "   .dots and \\backslashes\n\n"
	       "      carrier run -it debian sh\n"
	       "      carrier run --rm 'debian' .x\n\n"
	       "   The end.\n\n"
	       "OPTIONS:\n"
	       "   -d, --detach                run in the background\n"
	       "   -t, --tty                   give the command a terminal\n"
	       "       --tls-verify            ask for the registry's certificate; it's on by\n"
	       "                               default\n"
	       "   -n, --name NAME             give the container this name, by which all other\n"
	       "                               commands know it as well; it must be unique among\n"
	       "                               the containers of this user and may be changed\n"
	       "                               with rename\n"
	       "   -f, --fsroot, --rootfs DIR  use this directory\n"
	       "   -e, --env NAME=VALUE        set an environment variable; again for more\n"
	       "       --pids-limit N          at most this many processes\n"
	       "   -m, --memory BYTES          limit the memory, as in 512m; -1: no limit\n"
	       "   -h, --help                  show this help\n\n"
	       "EXAMPLES:\n"
	       "   As it is:\n\n"
	       "      carrier run debian\n");
	for (const char *s = printed.out; *s; s += strcspn(s, "\n") + 1)
		if (strcspn(s, "\n") > 80)
			OK(!"a line of --help is longer than 80 columns");

	OK(call(&carrier, "ls -h") == 0);
	OK(strstr(printed.out, "\nUSAGE:\n   carrier list\n\nALIASES:\n   ls, ps\n") != NULL);
	OK(call(&carrier, "image") == 125);
	OK_STR(printed.out, "");
	OK(str_starts(printed.err, "NAME:\n   carrier image - work with images\n\n"
		      "USAGE:\n   carrier image COMMAND [OPTIONS] [ARGUMENTS]\n\nCOMMANDS:\n"));
	OK(call(&carrier, "image inspect --help") == 0);
	OK(str_starts(printed.out, "NAME:\n   carrier image inspect - "));
	OK(call(&carrier, "help help") == 0);
	OK(str_starts(printed.out, "NAME:\n   carrier help - "));
	OK(call(&carrier, "help -h") == 0);
	OK(str_starts(printed.out, "NAME:\n   carrier help - "));

	OK(call(&woody, "--version") == 0);
	OK_STR(printed.out, "woody version 9\nspec: 1.3.0\n");
	OK(call(&woody, "-v") == 0);
	OK_STR(printed.out, "woody version 9\nspec: 1.3.0\n");
	OK(call(&carrier, "--debug --version") == 0);
	OK_STR(printed.out, "carrier version 0.1.0\n");
}

static void test_values(void)
{
	OK(call(&carrier, "--root /r --more=a -m b -mc -m=d run -dt --name web -eA=1 -e B=2 --env=C=3 -e=D=4 "
		"--memory -1 --pids-limit=7 img ls -l -- --name x") == 42);
	OK(seen.run.detach && seen.run.tty && seen.run.verify);
	OK_STR(seen.args, "[img] [ls] [-l] [--] [--name] [x]");
	OK_STR(seen.env, "<A=1><B=2><C=3><D=4>");
	OK(seen.run.memory == -1 && seen.run.pids == 7);
	OK_STR(global.root, "/r");
	OK(global.more.n == 0 && !global.more.v);	/* released */
	OK_STR(seen.order, "program run");

	OK(call(&carrier, "run img") == 42);
	OK(seen.run.verify && seen.run.pids == 2048 && !seen.run.name && !seen.run.env.n);
	OK(call(&carrier, "run --tls-verify=false -d=true -t=false -m 64k --rootfs / -- -img") == 42);
	OK(!seen.run.verify && seen.run.detach && !seen.run.tty && seen.run.memory == 65536);
	OK_STR(seen.run.rootfs, "/");
	OK_STR(seen.args, "[-img]");
	OK(call(&carrier, "run -tdm1g --secret-name=x -n '' img -t") == 42);
	OK(seen.run.memory == 1 << 30 && seen.run.tty && seen.run.detach);
	OK_STR(seen.args, "[img] [-t]");

	/* no stop_after: options on both sides of the arguments */
	OK(call(&carrier, "update ctr --memory 2g --pids-limit -1 -dt") == 42);
	OK(seen.run.memory == 2LL << 30 && seen.run.pids == -1 && seen.run.detach && seen.run.tty);
	OK_STR(seen.args, "[ctr]");
	OK(call(&carrier, "update -m5 -") == 42);
	OK(seen.run.memory == 5);
	OK_STR(seen.args, "[-]");
	OK(call(&carrier, "update -- --help") == 42);
	OK_STR(seen.args, "[--help]");
	OK(call(&carrier, "start a b c") == 0);
	OK_STR(seen.args, "[a] [b] [c]");
	OK(call(&carrier, "ps") == 0);
	OK(call(&carrier, "secret-door") == 0);
	OK(call(&carrier, "image info a") == 0);
	OK_STR(seen.args, "[a]");

	OK(call(&carrier, "compose -f c.yml up web") == 0);
	OK_STR(seen.file, "c.yml");
	OK_STR(seen.args, "[web]");
	OK_STR(seen.order, "program compose plain");
	OK(call(&carrier, "--root /bad compose up") == 7);
	OK_STR(seen.order, "program ");
	OK(call(&carrier, "--root /bad start") == 125);	/* usage first */
	OK_STR(seen.order, "");

	OK(command_main(&carrier, NULL, &(struct global){ 0 }, 2,
			(char *[]){ (char *) "x", (char *) "ls", NULL }) == 0);
}

static void test_errors(void)
{
	static const struct { const char *words, *text; } cases[] = {
		{ "strat", "unknown command 'strat'; did you mean 'start'? See 'carrier --help'." },
		{ "hlep", "unknown command 'hlep'; did you mean 'help'? See 'carrier --help'." },
		{ "zzzzzzzz", "unknown command 'zzzzzzzz'. See 'carrier --help'." },
		{ "secret-dor", "unknown command 'secret-dor'. See 'carrier --help'." },
		{ "image inspct x", "unknown command 'image inspct'; did you mean 'image inspect'? See "
				    "'carrier image --help'." },
		{ "run --memry 1 x", "unknown option '--memry' for 'carrier run'; did you mean '--memory'? "
				     "See 'carrier run --help'." },
		{ "run --memry=1 x", "unknown option '--memry' for 'carrier run'; did you mean '--memory'? "
				     "See 'carrier run --help'." },
		{ "run -pids-limit=1 x", "unknown option '-pids-limit=1' for 'carrier run'; did you mean "
					 "'--pids-limit'? See 'carrier run --help'." },
		{ "run --rotfs / x", "unknown option '--rotfs' for 'carrier run'; did you mean '--rootfs'? "
				     "See 'carrier run --help'." },
		{ "run --qqqqqqqqq x",
		  "unknown option '--qqqqqqqqq' for 'carrier run'. See 'carrier run --help'." },
		{ "run -q x", "unknown option '-q' for 'carrier run'. See 'carrier run --help'." },
		{ "run -dqt x",
		  "unknown option '-q' in '-dqt' for 'carrier run'. See 'carrier run --help'." },
		{ "run -\xc3\xa9 x",
		  "unknown option '-\xc3\xa9' for 'carrier run'. See 'carrier run --help'." },
		{ "run -d\xc3\xa9 x",
		  "unknown option '-d\xc3\xa9' for 'carrier run'. See 'carrier run --help'." },
		{ "run --debug x", "unknown option '--debug' for 'carrier run'; it is an option of 'carrier' "
				   "and stands before the command. See 'carrier run --help'." },
		{ "--rot x run",
		  "unknown option '--rot' for 'carrier'; did you mean '--root'? See 'carrier --help'." },
		{ "-debug run",
		  "unknown option '-debug' for 'carrier'; did you mean '--debug'? See 'carrier --help'." },
		{ "image --all inspect",
		  "unknown option '--all' for 'carrier image'. See 'carrier image --help'." },
		{ "run --version",
		  "unknown option '--version' for 'carrier run'. See 'carrier run --help'." },
		{ "run --name",
		  "flag needs an argument: --name NAME of 'carrier run'. See 'carrier run --help'." },
		{ "run -de",
		  "flag needs an argument: -e NAME=VALUE of 'carrier run'. See 'carrier run --help'." },
		{ "run --detach=maybe x",
		  "option '--detach' of 'carrier run' is a flag: it takes true or false, not 'maybe'. "
		  "See 'carrier run --help'." },
		{ "run -d= x", "option '-d' of 'carrier run' is a flag: it takes true or false, not ''. See "
			       "'carrier run --help'." },
		{ "run --pids-limit many x",
		  "option '--pids-limit' of 'carrier run': 'many' is not a whole number. "
		  "See 'carrier run --help'." },
		{ "run --pids-limit 99999999999999999999 x",
		  "option '--pids-limit' of 'carrier run': 99999999999999999999 "
		  "is too large a number. See 'carrier run --help'." },
		{ "run -m lots x",
		  "option '-m' of 'carrier run': 'lots' is not a size; give bytes, or a number with a unit "
		  "as in 64k, 512m or 2g. See 'carrier run --help'." },
		{ "run --memory -2 x",
		  "option '--memory' of 'carrier run': '-2' is not a size; give bytes, or a number with a "
		  "unit as in 64k, 512m or 2g. See 'carrier run --help'." },
		{ "run", "'carrier run' needs at least 1 argument: IMAGE [COMMAND [ARG...]]; 0 given. See "
			 "'carrier run --help'." },
		{ "rename a", "'carrier rename' needs 2 arguments: CONTAINER NAME; 1 given. See 'carrier "
			      "rename --help'." },
		{ "rename a b c", "'carrier rename' takes 2 arguments: CONTAINER NAME; 'c' is one too many. "
				  "See 'carrier rename --help'." },
		{ "ls x", "'carrier list' takes no arguments; 'x' is one. See 'carrier list --help'." },
		{ "help --man-pages /nonexistent",
		  "create '/nonexistent/carrier.1': No such file or directory" },
		{ "help --completion csh",
		  "no completion for the shell 'csh'; there is one for bash, zsh and fish" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cleanup_free char *line = xasprintf("carrier: %s\n", cases[i].text);
		OK(call(&carrier, cases[i].words) == 125);
		OK_STR(printed.err, line);
		OK_STR(seen.logged, cases[i].text);
		OK_STR(printed.out, "");
	}
	OK(call(&woody, "start") == 1);
	OK_STR(printed.err,
	       "woody: 'woody start' needs at least 1 argument: CONTAINER [CONTAINER...]; 0 given. "
	       "See 'woody start --help'.\n");
}

static void test_parse(void)
{
	struct run_options o = { 0 };
	struct error err = { 0 };
	char *args[8], *words[] = { (char *) "-e", (char *) "A", (char *) "x", (char *) "-h", NULL };
	size_t n = sizeof run_options / sizeof *run_options;
	OK(command_parse(run_options, n, 0, "p", &o, 3, words, args, &err) == 1);
	OK(o.env.n == 1 && args[0] == words[2] && !args[1]);
	OK(command_parse(run_options, n, 0, "p", &o, 4, words, args, &err) == -ECANCELED);
	OK(!err.code && !err.text[0]);
	OK(command_parse(run_options, n, 1, "p", &o, 4, words, args, &err) == 2);
	OK(command_parse(run_options, n, 0, "p", &o, 1, words, args, NULL) == -EINVAL);
	command_options_done(run_options, n, &o);
	OK(o.env.n == 0 && !o.env.v);
	OK(command_parse(NULL, 0, 0, "p", NULL, 0, words, args, NULL) == 0);
}

static void test_own_letters(void)
{
	/* docker's `run -h NAME`: the table's own letter counts, --help stays */
	struct own { char *hostname; bool verbose; };
	static const struct option_def rows[] = { OPTION(struct own, hostname, 'h', "hostname", "NAME",
							 "its name") };
	static const struct option_def top[] = { OPTION(struct own, verbose, 'v', "verbose", NULL,
							"tell more") };
	static const struct command c = {
		.name = "c", .summary = "do it", OPTIONS(struct own, rows), .run = run_plain
	};
	static const struct command *const list[] = { &c, NULL };
	static const struct program p = {
		.name = "p", .summary = "x", OPTIONS(struct own, top), .commands = list, .usage_exit = 2
	};
	struct error err = { 0 };
	OK(command_check(&p, &err) == 0);
	struct own own = { 0 };
	char *words[] = { (char *) "p", (char *) "-v", (char *) "c", (char *) "-h", (char *) "box", NULL };
	OK(command_main(&p, NULL, &own, 5, words) == 1);	/* run_plain: it has options */
	OK(own.verbose);
	OK(call(&p, "c --help") == 0);
	OK(strstr(printed.out,
		  "   -h, --hostname NAME  its name\n       --help           show this help\n") != NULL);
}

static void test_check(void)
{
	struct error err = { 0 };
	OK(command_check(&carrier, &err) == 0);
	OK_STR(err.text, "");
	OK(command_check(&woody, NULL) == 0);

	struct option_def twice[] = { run_options[0], run_options[0] };
	struct option_def no_value[] = { run_options[3] };
	no_value[0].value = NULL;
	struct option_def outside[] = { run_options[3] };
	outside[0].offset = 4096;
	struct option_def sentence[] = { run_options[3] };
	sentence[0].help = "Name it.";
	struct command bad[] = {
		{ .name = "c", .summary = "x", .run = run_plain, OPTIONS(struct run_options, twice) },
		{ .name = "c", .summary = "x", .run = run_plain, OPTIONS(struct run_options, no_value) },
		{ .name = "c", .summary = "x", .run = run_plain, OPTIONS(struct run_options, outside) },
		{ .name = "c", .summary = "x", .run = run_plain, OPTIONS(struct run_options, sentence) },
		{ .name = "c", .summary = "x" },
		{ .name = "c|c", .summary = "x", .run = run_plain },
		{ .name = "c", .summary = "x", .run = run_plain, .min_args = 1, .max_args = 1 },
		{ .name = "c",
		  .summary = "x",
		  .run = run_plain,
		  .arguments = "A",
		  .min_args = 2,
		  .max_args = 1 },
		{ .name = "C", .summary = "x", .run = run_plain },
	};
	static const char *const texts[] = {
		"p c --detach: the letter 'd' is there twice, or none",
		"p c --name: a flag has no value, everything else has one",
		"p c --name: lies outside the options struct of",
		"p c --name: 'Name it.' is to be one line without a capital and a full stop",
		"p c: either runs or has commands below it",
		"p c|c: 'c' is there twice",
		"p c: .arguments and .max_args disagree",
		"p c: needs 2 arguments and takes 1",
		"p C: 'C' is no name",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const struct command *const list[] = { &bad[i], NULL };
		struct program p = { .name = "p", .summary = "x", .commands = list, .usage_exit = 1 };
		OK(command_check(&p, &err) == -EINVAL);
		if (!OK(str_starts(err.text, texts[i])))
			printf("# got: %s\n", err.text);
	}
}

/* ---- what other programs make of it ---- */

static char dir[] = "/tmp/test_command.XXXXXX";

static bool have(const char *program)
{
	cleanup_free char *line = xasprintf("command -v %s >/dev/null 2>&1", program);
	return system(line) == 0;
}

/* the output of a shell command in the test's directory */
static const char *sh(const char *line)
{
	static char text[65536];
	cleanup_free char *in_dir = xasprintf("cd %s && { %s; } 2>&1", dir, line);
	FILE *f = popen(in_dir, "re");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
	text[n] = 0;
	if (f)
		pclose(f);
	return text;
}

static void skip(const char *what, const char *program)
{
	printf("ok %d - %s # SKIP %s is not installed\n", ++tap_count, what, program);
}

static void test_man(void)
{
	cleanup_free char *words = xasprintf("help --man-pages %s", dir);
	setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
	OK(call(&carrier, words) == 0);
	OK(call(&woody, words) == 0);
	OK_STR(sh("ls *.[0-9]"),
	       "carrier-compose-up.1\ncarrier-compose.1\ncarrier-image-inspect.1\ncarrier-image.1\n"
	       "carrier-list.1\ncarrier-rename.1\ncarrier-run.1\ncarrier-start.1\ncarrier-update.1\ncarrier."
	       "1\n"
	       "woody-start.8\nwoody-update.8\nwoody.8\n");
	OK(call(&carrier, "help --man run") == 0);
	OK(str_starts(printed.out, ".TH \"CARRIER\\-RUN\" \"1\" \"2023-11-14\" \"carrier 0.1.0\"\n"
		      ".SH NAME\ncarrier\\-run \\- run a command in a new container\n"
		      ".SH SYNOPSIS\n\\fBcarrier run\\fR [\\fIOPTIONS\\fR] \\fIIMAGE\\fR [\\fICOMMAND\\fR"));
	OK(strstr(printed.out, "\n\\&.dots and \\ebackslashes\n") != NULL);
	OK(strstr(printed.out, "\n\\&carrier run \\-\\-rm \\(aqdebian\\(aq .x\n") != NULL);
	OK(strstr(printed.out, ".SH EXAMPLES\nAs it is:\n.PP\n.RS 4\n.EX\n\\&carrier run debian\n") != NULL);
	OK(strstr(printed.out, ".SH EXIT STATUS\n125 carrier\\(aqs own failure\n.PP\n126 ") != NULL);
	OK(strstr(printed.out, ".SH SEE ALSO\n.BR carrier (1),\n.BR podman\\-run (1),\n.BR runc (8)\n") !=
	   NULL);
	OK(call(&carrier, "help --man image inspect") == 0);
	OK(strstr(printed.out, ".BR carrier (1),\n.BR carrier\\-image (1)\n") != NULL);

	if (have("mandoc")) {
		OK_STR(sh("mandoc -Tlint *.[0-9]"), "");
		const char *text = sh("mandoc -Tascii carrier-run.1 | sed 's/.\b//g'");
		OK(strstr(text, "\n       .dots and \\backslashes\n") != NULL);
		OK(strstr(text, "carrier run --rm 'debian' .x\n") != NULL);
		OK(strstr(text, "-f, --fsroot, --rootfs DIR\n") != NULL);
	} else {
		skip("mandoc -Tlint", "mandoc");
	}
	if (have("man")) {
		const char *text =
			sh("LC_ALL=C MANWIDTH=80 man --warnings -l carrier-run.1 | sed 's/.\b//g'");
		OK(strstr(text, "carrier-run - run a command in a new container\n") != NULL);
		OK(strstr(text, "warning") == NULL);
	} else {
		skip("man -l", "man");
	}
}

/* what is said of examples */
static void test_examples(void)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "What it does:\n\tcarrier --root /x run -d --env A='b c' img -x --y | grep z", NULL },
		{ "Run it:\n\tcarrier rename a b\n\tcarrier run img", NULL },
		{ NULL, "carrier run has no example" },
		{ "What it does:\n\tcarrier rename a b\n\techo carrier run", "carrier run has no example" },
		{ "What it does:\n\tcarrier run --memry 1 img", "unknown option '--memry' for 'carrier run'; did you mean '--memory'? See "
			"'carrier run --help'." },
		{ "What it does:\n\tcarrier run --memory 1q img", "option '--memory' of 'carrier run': '1q' is not a size; give bytes, or a "
			"number with a unit as in 64k, 512m or 2g. See 'carrier run --help'." },
		{ "What it does:\n\tcarrier run -d # img", "carrier run: an example has 0 arguments" },
		{ "What it does:\n\tcarrier rum img", "carrier run: 'rum' in the example is no command" },
		{ "What it does:\n\tcarrier run 'img", "carrier run: an example has a quote without its end" },
		{ "What it does\n\tcarrier run img", "carrier run: what an example does is a sentence: 'What it does'" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct command run = command_run;
		const struct command *const list[] = { &run, &command_rename, NULL };
		struct program p = carrier;
		struct error err = { 0 };
		run.examples = cases[i].text;
		p.commands = list;
		OK((command_check_examples(&p, &run, &err) == 0) == !cases[i].want);
		OK_STR(err.text, cases[i].want ? cases[i].want : "");
	}
}

static void write_script(const char *shell)
{
	cleanup_free char *words = xasprintf("help --completion %s", shell);
	cleanup_free char *path = xasprintf("%s/carrier.%s", dir, shell);
	OK(call(&carrier, words) == 0);
	FILE *f = fopen(path, "we");
	OK(f && fputs(printed.out, f) >= 0 && fclose(f) == 0);
}

/* words in front of the cursor, the last one half written; bash splits at "=" */
static const struct { const char *words, *want; } completions[] = {
	{ "''", "run start list rename update image compose help " },
	{ "st", "start " },
	{ "ima", "image " },
	{ "image ''", "inspect " },
	{ "image --h", "--help " },
	{ "--lo", "--log-format " },
	{ "--log-format ''", "text json " },
	{ "--root run st", "start " },
	{ "-m run st", "start " },
	{ "--debug ren", "rename " },
	{ "run --me", "--memory " },
	{ "run --name start --me", "--memory " },
	{ "start ''", "ctr1 ctr2 " },
	{ "start ctr1 ''", "ctr1 ctr2 " },
	{ "start --bad ctr1 ctr2 ctr1", "ctr1 " },
	{ "start -- ctr", "ctr1 ctr2 " },
	{ "update --memory 5 ctr4", "ctr4 " },
	{ "update ctr3 ''", "" },
	{ "update ctr3 --me", "--memory " },
	{ "rename ct", "ctr1 ctr2 " },
	{ "rename ctr1 ct", "" },
	{ "run im", "img img:2 " },
	{ "run img im", "" },
	{ "run img --me", "" },		/* the container's command's */
	{ "run --name im", "" },
	{ "image inspect ''", "img img:2 " },
	{ "image info img im", "img img:2 " },
	{ "ls --", "--help " },
	{ "compose -f x u", "up " },
};

static void write_program(void)
{
	/* what the scripts call for words */
	OK_STR(sh("printf '#!/bin/sh\\n[ \"$1\" = words ] && shift && printf \"%%s\\\\n\" \"$@\"\\n' >carrier && chmod 755 carrier"), "");
}

/* what bash has of a line: it splits at "=" and ":", too */
static void bash_line(const char *line, const char *words, const char *want)
{
	cleanup_free char *script = xasprintf("PATH=$PWD:$PATH bash -uc '. ./carrier.bash; COMP_LINE=\"%s\"; COMP_WORDS=(%s); "
		"COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _carrier; printf \"%%s \" \"${COMPREPLY[@]}\"'", line, words);
	OK_STR(sh(script), want);
}

static void test_bash(void)
{
	write_script("bash");
	if (!have("bash")) {
		skip("bash completion", "bash");
		return;
	}
	for (size_t i = 0; i < sizeof completions / sizeof *completions; i++) {
		cleanup_free char *line =
			xasprintf("PATH=$PWD:$PATH bash -uc '. ./carrier.bash; COMP_WORDS=(carrier \"$@\"); COMP_LINE=\"carrier $*\" "
				  "COMP_CWORD=$#; _carrier; ((${#COMPREPLY[@]} == 0)) || printf \"%%s \" \"${COMPREPLY[@]}\"' x %s",
				  completions[i].words);
		OK_STR(sh(line), completions[i].want);
	}
	bash_line("carrier --log-format=js", "carrier --log-format = js", "json ");
	bash_line("carrier --log-format=", "carrier --log-format =", "text json ");
	bash_line("carrier --root=x image run --na", "carrier --root = x image run --na", " ");
	bash_line("carrier --root=x run --na", "carrier --root = x run --na", "--name ");
	bash_line("carrier run --name=a --env=B=c im", "carrier run --name = a --env = B = c im", "img img:2 ");
	bash_line("carrier run img:", "carrier run img :", "2 ");
	bash_line("carrier run img:2", "carrier run img : 2", "2 ");
	bash_line("carrier image inspect img:2 im", "carrier image inspect img : 2 im", "img img:2 ");
	bash_line("./carrier start  c", "./carrier start c", "ctr1 ctr2 ");
	OK_STR(sh("bash -c '. ./carrier.bash; complete -p carrier'"), "complete -F _carrier carrier\n");
}

static void test_zsh(void)
{
	write_script("zsh");
	if (!have("zsh")) {
		skip("zsh completion", "zsh");
		return;
	}
	/* zsh's own completion functions need a line editor: stand-ins print what they are given */
	static const char stubs[] =
		"compdef() { : }; _files() { print -n files }; compset() { PREFIX=${PREFIX#*=} }; "
		"_describe() { local a=${@[-1]} w; for w in ${(P)a}; do w=${w%%:*}; [[ $w == $PREFIX* ]] && "
		"print -rn -- \"$w \"; done }; compadd() { local w; for w in ${(P)2}; do [[ $w == $PREFIX* ]] && "
		"print -rn -- \"$w \"; done }; ";
	for (size_t i = 0; i < sizeof completions / sizeof *completions; i++) {
		cleanup_free char *line = xasprintf("PATH=$PWD:$PATH zsh -fc '%s . ./carrier.zsh; words=(carrier \"$@\"); "
			"CURRENT=$(($# + 1)); PREFIX=${@[-1]}; _carrier' x %s", stubs, completions[i].words);
		OK_STR(sh(line), completions[i].want);
	}
	static const struct { const char *words, *want; } more[] = {
		{ "--log-format=js", "json " }, { "--root ''", "files" }, { "run -f ''", "files" }, { "run --name=x im", "img img:2 " },
		{ "compose -f ''", "files" },
	};
	for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
		cleanup_free char *line = xasprintf("PATH=$PWD:$PATH zsh -fc '%s . ./carrier.zsh; words=(carrier \"$@\"); "
			"CURRENT=$(($# + 1)); PREFIX=${@[-1]}; _carrier' x %s", stubs, more[i].words);
		OK_STR(sh(line), more[i].want);
	}
}

/* fish's own engine; "word<tab>text" a line */
static void fish_line(const char *line, const char *want)
{
	cleanup_free char *script = xasprintf("HOME=$PWD PATH=$PWD:$PATH fish --no-config -c '. ./carrier.fish; complete -C\"%s\"'", line);
	OK_STR(sh(script), want);
}

static void test_fish(void)
{
	write_script("fish");
	if (!have("fish")) {
		skip("fish completion", "fish");
		return;
	}
	fish_line("carrier ima", "image\twork with images\n");
	fish_line("carrier --root run image ", "inspect\tshow all about images\n");
	fish_line("carrier run --tls", "--tls-verify\task for the registry's certificate; it's on by default\n");
	fish_line("carrier --log-format ", "json\thow the log is written\ntext\thow the log is written\n");
	fish_line("carrier --log-format=j", "--log-format=json\thow the log is written\n");
	fish_line("carrier start ctr", "ctr1\nctr2\n");
	fish_line("carrier start ctr1 ctr", "ctr1\nctr2\n");
	fish_line("carrier update ctr", "ctr3\nctr4\n");
	fish_line("carrier update ctr3 ctr", "");
	fish_line("carrier rename ctr1 ctr", "");
	fish_line("carrier run im", "img\nimg:2\n");
	fish_line("carrier run --name x im", "img\nimg:2\n");
	fish_line("carrier run img im", "");
	fish_line("carrier run img --me", "");
	fish_line("carrier run --name carr", "");
	fish_line("carrier run -f carrier.fi", "carrier.fish\n");
	fish_line("carrier image inspect img:", "img:2\n");
	fish_line("carrier start -- ctr", "ctr1\nctr2\n");
}

int main(void)
{
	OK(mkdtemp(dir) != NULL);
	write_program();
	test_help();
	test_values();
	test_errors();
	test_parse();
	test_own_letters();
	test_check();
	test_man();
	test_examples();
	test_bash();
	test_zsh();
	test_fish();
	cleanup_free char *line = xasprintf("rm -rf %s", dir);
	OK(system(line) == 0);
	return tap_done();
}
