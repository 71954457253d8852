#include "session.h"
#include "cleanup.h"
#include "credentials.h"
#include "log.h"
#include "registries.h"
#include "secret.h"
#include <string.h>

/* one reference that was prepared */
struct prepared { struct prepared *next; char *registry, *path; bool digest; struct registry_place *places; size_t n_places; };

struct session {
	struct pool pool;
	const struct registry_options *options;
	char *actions;
	struct credential given;		/* of --creds */
	struct registries registries;
	struct prepared *prepared;
	struct strings insecure;
	struct fetch_setup setup;		/* its list of credentials is allocated */
	struct fetcher fetcher;
	bool started;
};

/* take_creds - and what ps shows of them becomes x's. The options keep a copy: they may be for several sessions */
static int take_creds(struct session *s, struct registry_options *o, struct error *err)
{
	char *creds = o->creds;
	char *colon = strchr(creds, ':');
	size_t n = colon ? (size_t) (colon - creds) : strlen(creds);
	if (n == 0)
		return error_say(err, EINVAL, "--creds: give USER:PASSWORD, or USER to be asked for the password");
	s->given.username = pool_strndup(&s->pool, creds, n);
	if (!colon)
		return secret_ask("Password: ", &s->pool, &s->given.password, err);
	s->given.password = pool_strdup(&s->pool, colon + 1);
	if (o->creds_taken)
		return 0;
	o->creds = xstrdup(creds);
	o->creds_taken = true;
	memset(colon + 1, 'x', strlen(colon + 1));
	return 0;
}

int session_open(const struct registry_options *o, const char *actions, struct session **ret, struct error *err)
{
	struct session *s = xcalloc(1, sizeof *s);
	*s = (struct session) { .options = o, .fetcher = FETCHER_INIT };
	s->actions = pool_strdup(&s->pool, actions);
	s->setup = (struct fetch_setup) { .tls_verify = o->tls_verify, .cert_dir = o->cert_dir, .user_agent = (char *) "carrier/" VERSION };
	int r = registries_read(&s->registries, err);
	if (r == 0 && o->creds)
		r = take_creds(s, (struct registry_options *) (uintptr_t) o, err);	/* const but for this */
	if (r < 0)
		session_close(s);
	else
		*ret = s;
	return r;
}

/* ---- names ---- */

int session_resolve(struct session *s, const char *text, struct reference **ret, size_t *n, struct error *err)
{
	struct strings names cleanup_strings = { 0 };
	struct reference as_it_is;
	/* the sentence about a wrong name is about the name as it was given */
	int r = reference_parse(text, &s->pool, &as_it_is, err);
	if (r == 0 && reference_is_short(text))
		r = registries_candidates(&s->registries, text, &names, err);
	else
		strings_add(&names, text);
	struct reference *list = pool_alloc(&s->pool, (names.n + 1) * sizeof *list);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = reference_parse(names.v[i], &s->pool, &list[i], err);
	if (r < 0)
		return r;
	*ret = list;
	*n = names.n;
	return 0;
}

static int ask_which(struct reference *list, size_t n, struct error *err)
{
	char line[32];
	uint64_t chosen;
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%3zu  %s\n", i + 1, list[i].name);
	fprintf(stderr, "Which one? [1-%zu] ", n);
	if (!fgets(line, sizeof line, stdin))
		return error_say(err, EINTR, "no answer");
	line[strcspn(line, "\n")] = 0;
	if (str_to_u64(line, n, &chosen) < 0 || chosen == 0)
		return error_say(err, EINVAL, "'%s' is none of the numbers", line);
	return (int) chosen - 1;
}

int session_choose(const struct session *s, const char *text, struct reference **list, size_t *n, struct error *err)
{
	if (*n < 2)
		return 0;
	bool quiet = s->registries.mode == SHORT_NAMES_DISABLED;
	if (!quiet && isatty(STDIN_FILENO) && isatty(STDERR_FILENO)) {
		int i = ask_which(*list, *n, err);
		if (i < 0)
			return i;
		*list += i;
		*n = 1;
		return 0;
	}
	/* a password is for one registry, and not for all that a name may be tried on */
	if (s->registries.mode != SHORT_NAMES_ENFORCING && !s->given.username)
		return 0;
	struct buf all cleanup_buf = { 0 };
	for (size_t i = 0; i < *n; i++)
		buf_printf(&all, "%s%s", i ? ", " : "", (*list)[i].name);
	return error_say(err, EINVAL, "'%s' may be any of %s; give the whole name, or an alias in registries.conf (%s)", text, all.data,
			 s->given.username ? "--creds are for one registry" : "short-name-mode is enforcing, and there is no terminal to ask");
}

/* ---- places and credentials ---- */

static struct prepared *find_prepared(const struct session *s, const struct reference *ref)
{
	for (struct prepared *p = s->prepared; p; p = p->next)
		if (strcmp(p->registry, ref->registry) == 0 && strcmp(p->path, ref->path) == 0 && p->digest == (ref->digest != NULL))
			return p;
	return NULL;
}

static const char *host_of(const char *registry)
{
	const struct reference r = { .registry = (char *) (uintptr_t) registry };
	return reference_host(&r);
}

static int add_credential(struct session *s, const struct registry_place *place, struct error *err)
{
	struct fetch_setup *f = &s->setup;
	struct credential c = { 0 };
	char *from = NULL;
	int r = 0;
	if (s->given.username && !place->mirror)
		c = s->given;
	else
		r = credentials_find(s->options->authfile, &s->registries.helpers, place->registry, place->path, &s->pool, &c, &from, err);
	if (r < 0 || !c.username)
		return r;
	log_debug("credentials for %s/%s: those of user '%s' from %s", place->registry, place->path, c.username, from ? from : "--creds");
	f->credentials = xreallocarray(f->credentials, f->n_credentials + 1, sizeof *f->credentials);
	f->credentials[f->n_credentials++] = (struct fetch_credential) {
		.registry = (char *) (uintptr_t) host_of(place->registry), .path = *place->path ? place->path : NULL,
		.username = c.username, .password = c.password, .identity_token = c.identity_token,
	};
	return 0;
}

int session_prepare(struct session *s, const struct reference *ref, struct error *err)
{
	if (find_prepared(s, ref))
		return 0;
	struct prepared *p = pool_alloc(&s->pool, sizeof *p);
	*p = (struct prepared) { .next = s->prepared, .registry = ref->registry, .path = ref->path, .digest = ref->digest != NULL };
	int r = registries_places(&s->registries, ref, &s->pool, &p->places, &p->n_places, err);
	for (size_t i = 0; r == 0 && i < p->n_places; i++) {
		const struct registry_place *place = &p->places[i];
		if (place->insecure && !s->options->tls_given)
			strings_add(&s->insecure, host_of(place->registry));
		r = add_credential(s, place, err);
	}
	s->setup.insecure = s->insecure.v;
	if (r == 0)
		s->prepared = p;
	return r;
}

/* ---- the fetcher ---- */

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

static struct fetch_mirror place_request(struct session *s, const struct registry_place *place, const char *kind, const char *what)
{
	return (struct fetch_mirror) {
		.registry = (char *) (uintptr_t) host_of(place->registry),
		.path = pool_printf(&s->pool, "/v2/%s/%s%s%s", place->path, kind, what ? "/" : "", what ? what : ""),
		.scope = pool_printf(&s->pool, "repository:%s:%s", place->path, s->actions),
	};
}

int session_request(struct session *s, const struct reference *ref, const char *kind, const char *what, struct fetch_request *ret,
		    struct error *err)
{
	const struct prepared *p = find_prepared(s, ref);
	if (!p)		/* too late: helpers are not executed in here */
		return error_say(err, EINVAL, "nobody has asked for credentials for '%s'", ref->familiar);
	size_t n = p->n_places - 1;
	const struct fetch_mirror own = place_request(s, &p->places[n], kind, what);
	bool reads_only = strcmp(s->actions, "pull") == 0;
	ret->registry = own.registry;
	ret->path = own.path;
	ret->scope = own.scope;
	ret->n_mirrors = reads_only ? n : 0;
	ret->mirrors = pool_alloc(&s->pool, (n + 1) * sizeof *ret->mirrors);
	for (size_t i = 0; i < ret->n_mirrors; i++)
		ret->mirrors[i] = place_request(s, &p->places[i], kind, what);
	return 0;
}

int session_registry(struct session *s, const char *name, const struct credential *credential, const char *path, const char *scope,
		     struct fetch_request *ret, struct error *err)
{
	struct registry_place *places;
	struct reference ref;
	size_t n;
	/* any image of it stands for the registry */
	cleanup_free char *text = xasprintf("%s/x", name);
	int r = reference_parse(text, &s->pool, &ref, NULL);
	if (r < 0 || reference_is_short(text))
		return error_say(err, EINVAL, "'%s' is not a registry: expected is HOST[:PORT] with a dot or a port in it, or localhost", name);
	r = registries_places(&s->registries, &ref, &s->pool, &places, &n, err);
	if (r < 0)
		return r;
	/* Docker Hub's search is where its web site is */
	const char *host = str_starts(path, "/v1/") && strcmp(ref.registry, "docker.io") == 0 ? "index.docker.io" : host_of(ref.registry);
	const struct registry_place whole = { .registry = ref.registry, .path = pool_strdup(&s->pool, "") };
	if (places[n - 1].insecure && !s->options->tls_given)
		strings_add(&s->insecure, host);
	s->setup.insecure = s->insecure.v;
	if (credential)
		s->given = *credential;
	r = add_credential(s, &whole, err);
	ret->registry = pool_strdup(&s->pool, host);
	ret->path = pool_strdup(&s->pool, path);
	ret->scope = scope ? pool_strdup(&s->pool, scope) : NULL;
	return r;
}

int session_search_list(struct strings *ret, struct error *err)
{
	struct registries all cleanup_registries = { 0 };
	int r = registries_read(&all, err);
	for (size_t i = 0; r == 0 && i < all.search.n; i++)
		strings_add(ret, all.search.v[i]);
	if (r == 0 && !all.search_given)
		strings_add(ret, "docker.io");
	return r;
}

void session_close(struct session *s)
{
	if (!s)
		return;
	session_stop(s);
	free(s->setup.credentials);
	strings_done(&s->insecure);
	registries_done(&s->registries);
	pool_done(&s->pool);
	free(s);
}
