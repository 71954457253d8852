#include "../../cli/image/instructions.h"
#include "str.h"
#include "tap.h"
#include <stdlib.h>

static struct pool pool;
static struct error err;

static int apply(struct image_settings *s, const char *text)
{
	err = (struct error) { 0 };
	return instruction_apply(s, text, &pool, &err);
}

static char joined[1024];
static const char *list(char *const *v)
{
	*joined = 0;
	for (; v && *v; v++)
		snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s[%s]", *joined ? " " : "", *v);
	return joined;
}

static void commands(void)
{
	struct image_settings s = { 0 };
	OK(apply(&s, "CMD [\"a\", \"b c\"]") == 0);
	OK_STR(list(s.cmd), "[a] [b c]");
	OK(apply(&s, "  cmd   echo $HOME ") == 0);
	OK_STR(list(s.cmd), "[/bin/sh] [-c] [echo $HOME]");
	OK(apply(&s, "ENTRYPOINT=/entry") == 0);
	OK_STR(list(s.entrypoint), "[/bin/sh] [-c] [/entry]");
	OK(apply(&s, "ENTRYPOINT []") == 0);
	OK(s.entrypoint == NULL);
	/* what is no list of strings is a line for the shell, as docker has it */
	OK(apply(&s, "CMD [\"a\", 1]") == 0);
	OK_STR(list(s.cmd), "[/bin/sh] [-c] [[\"a\", 1]]");
	char *shell[] = { (char *) (uintptr_t) "/bin/bash", (char *) (uintptr_t) "-xc", NULL };
	s.shell = shell;
	OK(apply(&s, "CMD x") == 0);
	OK_STR(list(s.cmd), "[/bin/bash] [-xc] [x]");
}

static void variables(void)
{
	struct image_settings s = { 0 };
	OK(apply(&s, "ENV A=1 B=\"two words\" C='s\\q' D=a\\ b") == 0);
	OK_STR(list(s.env), "[A=1] [B=two words] [C=s\\q] [D=a b]");
	OK(apply(&s, "ENV A the old form") == 0);
	OK_STR(list(s.env), "[A=the old form] [B=two words] [C=s\\q] [D=a b]");
	OK(apply(&s, "ENV A") == -EINVAL);
	OK_STR(err.text, "--change 'ENV A': give NAME=VALUE");
	OK(apply(&s, "ENV A=1 B") == -EINVAL);
	OK(apply(&s, "ENV =x") == -EINVAL);
	OK(apply(&s, "ENV A=\"x") == -EINVAL);
	OK_STR(err.text, "--change 'ENV A=\"x': a quote is not closed");
	OK_STR(list(s.env), "[A=the old form] [B=two words] [C=s\\q] [D=a b]");
	OK(apply(&s, "LABEL x=1 y=2") == 0 && apply(&s, "LABEL y=3") == 0);
	OK(s.labels.n == 2);
	OK_STR(s.labels.pairs[1].value, "3");
}

static void sets(void)
{
	struct image_settings s = { 0 };
	OK(apply(&s, "EXPOSE 80 443/tcp 53/udp 8000-8002") == 0 && apply(&s, "EXPOSE 80") == 0);
	OK_STR(list(s.exposed_ports), "[80/tcp] [443/tcp] [53/udp] [8000/tcp] [8001/tcp] [8002/tcp]");
	static const char *const bad[] = { "EXPOSE 0", "EXPOSE 65536", "EXPOSE 80/icmp", "EXPOSE x", "EXPOSE 9-8", "EXPOSE -", "EXPOSE 80/" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		OK(apply(&s, bad[i]) == -EINVAL);
	OK(apply(&s, "VOLUME /a /b") == 0 && apply(&s, "VOLUME [\"/c d\"]") == 0);
	OK_STR(list(s.volumes), "[/a] [/b] [/c d]");
	OK(apply(&s, "ONBUILD RUN x") == 0 && apply(&s, "ONBUILD ADD . /") == 0);
	OK_STR(list(s.on_build), "[RUN x] [ADD . /]");
}

static void words(void)
{
	struct image_settings s = { 0 };
	OK(apply(&s, "USER app:app") == 0);
	OK_STR(s.user, "app:app");
	OK(apply(&s, "USER two words") == -EINVAL);
	OK(apply(&s, "WORKDIR /a/b") == 0 && apply(&s, "WORKDIR ../c") == 0);
	OK_STR(s.working_dir, "/a/c");
	OK(apply(&s, "WORKDIR ../../../..") == 0);
	OK_STR(s.working_dir, "/");
	OK(apply(&s, "STOPSIGNAL SIGRTMIN+1") == 0 && apply(&s, "STOPSIGNAL SIGNOTHING") == -EINVAL);
	OK_STR(s.stop_signal, "SIGRTMIN+1");
	OK(apply(&s, "HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 CMD [\"x\"]") == 0);
	OK(s.healthcheck->interval == 90000000000 && s.healthcheck->timeout == 500000000 && s.healthcheck->retries == 3);
	OK_STR(list(s.healthcheck->test), "[CMD] [x]");
	OK(apply(&s, "HEALTHCHECK none") == 0);
	OK_STR(list(s.healthcheck->test), "[NONE]");
	static const char *const bad[] = { "HEALTHCHECK x", "HEALTHCHECK --interval=5 CMD x", "HEALTHCHECK --every=5s CMD x", "HEALTHCHECK CMDx",
					   "HEALTHCHECK --retries=-1 CMD x", "RUN x", "", "   ", "CMD", "USER   ", "=", "HEALTHCHECK --interval=1e400s NONE" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		OK(apply(&s, bad[i]) == -EINVAL);
}

int main(void)
{
	commands();
	variables();
	sets();
	words();
	pool_done(&pool);
	return tap_done();
}
