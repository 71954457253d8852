/* carrier's own tables: every command has examples that they understand, every option a sentence, and --help, the man page and the
 * three completions say the same. */
#include "command.h"
#include "cleanup.h"
#include "mem.h"
#include "str.h"
#include "tap.h"
#include "../../cli/carrier.h"
#include <stdlib.h>

static char *printed(void (*print)(const struct program *, const struct command *, FILE *), const struct command *command)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	print(&carrier_program, command, out);
	(void) fclose(out);
	return text;
}

static char *script(const char *shell)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	if (command_complete(&carrier_program, shell, out, NULL) < 0)
		fputs("", out);
	(void) fclose(out);
	return text;
}

static void say(bool ok, const char *path, const char *what)
{
	printf("%sok %d - %s: %s\n", ok ? "" : "not ", ++tap_count, path, what);
	tap_failed |= !ok;
}

/* plain - a man page's text without its escapes */
static void plain(char *s)
{
	char *out = s;
	for (; *s; s++) {
		if (s[0] == '\\' && s[1] == '-')
			s++;
		*out++ = *s;
	}
	*out = 0;
}

/* has_word - @word with no letter of a name behind it */
static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	for (const char *s = text; (s = strstr(s, word)); s += len)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", s[len]) || !s[len])
			return true;
	return false;
}

static char *bash, *zsh, *fish;

/* every spelling of every option is in all of them */
static void check_options(const struct command *command, const char *path)
{
	cleanup_free char *help = printed(command_help, command), *man = printed(command_man, command);
	struct strings missing cleanup_strings = { 0 };
	plain(man);
	for (size_t i = 0; i < command->n_options; i++) {
		size_t len;
		const char *name;
		if (!command->options[i].help)
			strings_printf(&missing, "--%s has no help", command->options[i].name);
		for (size_t k = 0; (name = command_spelling(command->options[i].name, k, &len)); k++) {
			cleanup_free char *word = xasprintf("--%.*s", (int) len, name), *bare = xasprintf("-l %.*s", (int) len, name);
			bool first = k == 0 || command->options[i].value;	/* further spellings are completed where a value follows */
			if (!has_word(help, word))
				strings_printf(&missing, "%s is not in --help", word);
			if (!has_word(man, word))
				strings_printf(&missing, "%s is not in the man page", word);
			if (first && (!has_word(bash, word) || !has_word(zsh, word) || !has_word(fish, bare)))
				strings_printf(&missing, "%s is not in the completions", word);
		}
	}
	for (size_t i = 0; i < missing.n; i++)
		printf("# %s\n", missing.v[i]);
	say(missing.n == 0, path, "options are documented everywhere");
	if (command->examples)
		say(strstr(help, "\nEXAMPLES:\n") && strstr(man, "\n.SH EXAMPLES\n"), path, "examples are shown");
}

static void check(const struct command *const *list)
{
	for (; *list; list++) {
		if (!(*list)->summary)
			continue;
		struct error err = { 0 };
		cleanup_free char *path = command_path(&carrier_program, *list, " ");
		check_options(*list, path);
		if ((*list)->sub) {
			check((*list)->sub);
			continue;
		}
		bool ok = command_check_examples(&carrier_program, *list, &err) == 0;
		say(ok, path, ok ? "has examples" : err.text);
	}
}

/* What has more than one spelling. Scripts that were written for docker and podman rely on each; other tests use one or the other. */
static const struct { const char *path, *options; } spellings[] = {
	{ "run", "d=detach a=attach i=interactive t=tty e=env w=workdir u=user l=label v=volume f=rootfs=fsroot "
	  "p=publish P=publish-all network-alias=net-alias network=net dns-option=dns-opt m=memory c=cpu-shares q=quiet" },
	{ "create", "i=interactive t=tty e=env w=workdir u=user l=label v=volume f=rootfs=fsroot network=net p=publish P=publish-all network-alias=net-alias "
	  "dns-option=dns-opt m=memory c=cpu-shares q=quiet" },
	{ "start", "a=attach i=interactive l=latest f=filter" },
	{ "attach", "l=latest" },
	{ "exec", "i=interactive l=latest t=tty d=detach e=env u=user w=workdir" },
	{ "sh|shell|execute|hook", "d=detach e=env u=user w=workdir" },
	{ "terminal|term|t", "e=env u=user w=workdir" },
	{ "ps|list|ls", "a=all c=containers f=filter i=images n=last l=latest q=quiet s=size" },
	{ "logs", "f=follow n=tail t=timestamps l=latest" },
	{ "stop", "t=time=timeout s=signal a=all l=latest i=ignore" },
	{ "restart", "t=time=timeout a=all l=latest i=ignore" },
	{ "kill", "s=signal a=all l=latest" },
	{ "pause", "a=all l=latest" },
	{ "unpause", "a=all l=latest" },
	{ "clone", "f=force m=memory c=cpu-shares" },
	{ "checkpoint", "a=all l=latest dir=checkpoint-dir R=leave-running" },
	{ "restore", "a=all l=latest dir=checkpoint-dir k=keep" },
	{ "wait", "i=interval l=latest" },
	{ "rm", "f=force a=all l=latest i=ignore c=all-containers t=time v=volumes" },
	{ "destroy", "a=all l=latest i=ignore t=time" },
	{ "prune", "f=force" },
	{ "update", "m=memory c=cpu-shares a=all" },
	{ "inspect", "f=format l=latest s=size t=type" },
	{ "top", "l=latest" },
	{ "port", "a=all l=latest" },
	{ "stats", "a=all i=interval l=latest" },
	{ "cp|copy", "a=archive L=follow-link q=quiet" },
	{ "export", "o=output" },
	{ "commit", "a=author c=change m=message p=pause q=quiet s=squash" },
	{ "boot", "q=quiet" },
	{ "pull|p|get|download", "a=all-tags q=quiet" },
	{ "push", "a=all-tags q=quiet" },
	{ "images", "a=all q=quiet" },
	{ "rmi", "f=force a=all" },
	{ "save", "o=output m=multi-image-archive q=quiet" },
	{ "load", "i=input q=quiet" },
	{ "import", "a=author c=change m=message q=quiet" },
	{ "snapshot", "a=author c=change m=message q=quiet" },
	{ "history", "q=quiet H=human" },
	{ "image history", "q=quiet H=human" },
	{ "image import", "a=author c=change m=message q=quiet" },
	{ "image inspect", "f=format" },
	{ "image load", "i=input q=quiet" },
	{ "image ls|list", "a=all q=quiet" },
	{ "image prune", "a=all f=force" },
	{ "image pull|p|get|download", "a=all-tags q=quiet" },
	{ "image push", "a=all-tags q=quiet" },
	{ "image rm|remove", "f=force a=all" },
	{ "image save", "o=output m=multi-image-archive q=quiet" },
	{ "image unmount|umount", "a=all f=force" },
	{ "manifest create", "a=amend" },
	{ "manifest push", "p=purge=rm q=quiet" },
	{ "volume create", "d=driver l=label o=opt" },
	{ "volume export", "o=output" },
	{ "volume inspect", "a=all f=format" },
	{ "volume ls|list", "f=filter q=quiet" },
	{ "volume prune", "a=all f=force" },
	{ "volume rm|remove", "a=all f=force" },
	{ "network create", "d=driver l=label o=opt" },
	{ "network inspect", "f=format" },
	{ "network ls|list", "f=filter n=noheading q=quiet" },
	{ "network prune", "f=force" },
	{ "network rm|remove", "f=force" },
	{ "secret create", "d=driver l=label" },
	{ "secret inspect", "f=format" },
	{ "secret ls|list", "f=filter n=noheading q=quiet" },
	{ "secret rm|remove", "a=all i=ignore" },
	{ "login|auth", "u=username p=password" },
	{ "logout", "a=all" },
	{ "search", "f=filter" },
	{ "events", "f=filter" },
	{ "generate systemd", "n=name f=files t=time=stop-timeout" },
	{ "generate quadlet", "f=files" },
	{ "info", "f=format" },
	{ "system check", "fix=repair" },
	{ "system df", "v=verbose" },
	{ "system info", "f=format" },
	{ "system prune", "a=all f=force" },
	{ "system reset", "f=force" },
	{ "doctor", "fix=repair q=quiet" },
	{ "version", "f=format" },
};

static bool spelt(const char *names, const char *word, size_t len)
{
	size_t n;
	const char *name;
	for (size_t i = 0; (name = command_spelling(names, i, &n)); i++)
		if (n == len && memcmp(name, word, n) == 0)
			return true;
	return false;
}

/* find - "image ls|list": one command has all of the spellings; or NULL */
static const struct command *find(const struct command *const *list, const char *path)
{
	while (list && *list && !spelt((*list)->name, path, strcspn(path, "| ")))
		list++;
	if (!list || !*list)
		return NULL;
	for (;; path++) {
		size_t len = strcspn(path, "| ");
		if (!spelt((*list)->name, path, len))
			return NULL;
		path += len;
		if (*path != '|')
			return *path ? find((*list)->sub, path + 1) : *list;
	}
}

/* has_all - is there an option with all the spellings of @group, "t=time=timeout"? */
static bool has_all(const struct command *command, const char *group)
{
	for (size_t i = 0; i < command->n_options; i++) {
		const struct option_def *o = &command->options[i];
		for (const char *word = group;; word++) {
			size_t len = strcspn(word, "= ");
			if (len == 1 ? o->letter != *word : !spelt(o->name, word, len))
				break;
			word += len;
			if (*word != '=')
				return true;
		}
	}
	return false;
}

static void check_spellings(const char *path, const char *options)
{
	const struct command *command = find(carrier_program.commands, path);
	bool ok = command;
	while (command && *options) {
		int len = (int) strcspn(options, " ");
		if (!has_all(command, options)) {
			printf("# it has not got %.*s\n", len, options);
			ok = false;
		}
		options += len + (options[len] == ' ');
	}
	say(ok, path, "every spelling is there");
}

int main(void)
{
	struct error err = { 0 };
	if (!OK(command_check(&carrier_program, &err) == 0))
		printf("# %s\n", err.text);
	bash = script("bash");
	zsh = script("zsh");
	fish = script("fish");
	check(carrier_program.commands);
	for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
		check_spellings(spellings[i].path, spellings[i].options);
	free(bash);
	free(zsh);
	free(fish);
	return tap_done();
}
