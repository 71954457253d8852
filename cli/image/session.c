#include "session.h"
#include "cleanup.h"
#include <string.h>

struct session {
	struct pool pool;
	const struct registry_options *options;
	char *actions;
	char *username, *password;		/* of --creds */
	struct fetch_setup setup;		/* its lists are allocated */
	struct fetcher fetcher;
	bool started;
};

/* take_creds - and what ps shows of them becomes x's */
static int take_creds(struct session *s, char *creds, struct error *err)
{
	char *colon = strchr(creds, ':');
	if (!colon || colon == creds)
		return error_say(err, EINVAL, "--creds: give USER:PASSWORD");
	s->username = pool_strndup(&s->pool, creds, (size_t) (colon - creds));
	s->password = pool_strdup(&s->pool, colon + 1);
	memset(colon + 1, 'x', strlen(colon + 1));
	return 0;
}

int session_open(const struct registry_options *o, const char *actions, struct session **ret, struct error *err)
{
	struct session *s = xcalloc(1, sizeof *s);
	*s = (struct session) { .options = o, .fetcher = FETCHER_INIT };
	s->actions = pool_strdup(&s->pool, actions);
	s->setup = (struct fetch_setup) { .tls_verify = o->tls_verify, .cert_dir = o->cert_dir, .user_agent = (char *) "carrier/" VERSION };
	int r = o->creds ? take_creds(s, o->creds, err) : 0;
	if (r < 0)
		session_close(s);
	else
		*ret = s;
	return r;
}

int session_resolve(struct session *s, const char *text, struct reference **ret, size_t *n, struct error *err)
{
	struct reference *list = pool_alloc(&s->pool, sizeof *list);
	int r = reference_parse(text, &s->pool, &list[0], err);
	if (r < 0)
		return r;
	*ret = list;
	*n = 1;
	return 0;
}

static void add_credential(struct session *s, const struct fetch_credential *c)
{
	struct fetch_setup *f = &s->setup;
	f->credentials = xreallocarray(f->credentials, f->n_credentials + 1, sizeof *f->credentials);
	f->credentials[f->n_credentials++] = *c;
}

int session_prepare(struct session *s, const struct reference *ref, struct error *err)
{
	(void) err;
	if (s->username) {
		const struct fetch_credential c = { .registry = (char *) reference_host(ref), .username = s->username, .password = s->password };
		add_credential(s, &c);
	}
	return 0;
}

int session_start(struct session *s, struct error *err)
{
	int r = fetcher_start(&s->setup, &s->fetcher, err);
	s->started = r == 0;
	return r;
}

struct fetcher *session_fetcher(struct session *s) { return s->started ? &s->fetcher : NULL; }

void session_stop(struct session *s)
{
	if (s->started)
		fetcher_stop(&s->fetcher);
	s->started = false;
}

int session_request(struct session *s, const struct reference *ref, const char *kind, const char *what, struct fetch_request *ret,
		    struct error *err)
{
	(void) err;
	ret->registry = (char *) reference_host(ref);
	ret->path = pool_printf(&s->pool, "/v2/%s/%s%s%s", ref->path, kind, what ? "/" : "", what ? what : "");
	ret->scope = pool_printf(&s->pool, "repository:%s:%s", ref->path, s->actions);
	return 0;
}

void session_close(struct session *s)
{
	if (!s)
		return;
	session_stop(s);
	free(s->setup.credentials);
	pool_done(&s->pool);
	free(s);
}
