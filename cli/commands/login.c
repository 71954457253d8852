#include "../carrier.h"
#include "../image/credentials.h"
#include "../image/registry_call.h"
#include "../image/secret.h"
#include "cleanup.h"
#include "log.h"
#include <string.h>

enum { INTERRUPTED = 130, ANSWER_MAX = 1 << 20 };

struct login_options { char *username, *password; bool password_stdin, get_login; struct registry_options registry; };
static const struct login_options defaults = { .registry = REGISTRY_OPTIONS_DEFAULT };

static const struct option_def options[] = {
	OPTION(struct login_options, username, 'u', "username", "NAME", "the user (default: it is asked for)"),
	OPTION(struct login_options, password_stdin, 0, "password-stdin", NULL, "read the password from standard input"),
	OPTION(struct login_options, password, 'p', "password", "PASSWORD",
	       "the password; others may see it in a list of processes, so rather pipe it in"),
	OPTION(struct login_options, get_login, 0, "get-login", NULL, "print the user who is logged in, and do nothing else"),
	OPTION(struct login_options, registry.authfile, 0, "authfile", "FILE", "keep the credentials in this file, and look into no other"),
	OPTION(struct login_options, registry.cert_dir, 0, "cert-dir", "DIR",
	       "CA certificates *.crt and client certificates *.cert with *.key, for the registry"),
	OPTION_NOTED(struct login_options, registry.tls_verify, registry.tls_given, 0, "tls-verify", NULL,
		     "HTTPS with a verified certificate (default); false: plain HTTP is allowed"),
};

struct login {
	const struct login_options *o;
	struct pool pool;
	char *key;			/* "quay.io/org" */
	char *host, *path;		/* of it; @path may be NULL */
};

/* take_key - where a URL is given, as docker's documentation has it for its own, the host is meant */
static void take_key(struct login *l, const char *word)
{
	const char *bare = word ? word : "docker.io";
	bare = str_starts(bare, "https://") ? bare + 8 : str_starts(bare, "http://") ? bare + 7 : bare;
	bool hub = str_starts(bare, "index.docker.io") || str_starts(bare, "registry-1.docker.io");
	l->key = pool_strdup(&l->pool, hub ? "docker.io" : bare);
	while (str_ends(l->key, "/"))
		l->key[strlen(l->key) - 1] = 0;
	l->host = pool_strdup(&l->pool, l->key);
	l->path = strchr(l->host, '/');
	if (l->path)
		*l->path++ = 0;
}

/* verify - at the registry's front door; a registry that lets everybody in cannot tell */
static int verify(struct login *l, const struct credential *c, struct error *err)
{
	struct session *session cleanup_session = NULL;
	struct fetch_request q = { .max = ANSWER_MAX };
	int r = session_open(&l->o->registry, "pull", &session, err);
	if (r == 0)
		r = session_registry(session, l->host, c, "/v2/", NULL, &q, err);
	if (r == 0)
		r = session_start(session, err);
	return r < 0 ? r : registry_call(session, &q, NULL, NULL, err);
}

static int ask_missing(struct login *l, struct credential *c, struct error *err)
{
	const struct login_options *o = l->o;
	int r = 0;
	if (o->password && o->password_stdin)
		return error_say(err, EINVAL, "--password and --password-stdin exclude each other");
	if (o->password_stdin && !o->username)
		return error_say(err, EINVAL, "--password-stdin needs --username NAME");
	c->username = o->username;
	if (str_empty(c->username))
		r = secret_line("Username: ", &l->pool, &c->username, err);
	if (r == 0 && o->password) {
		log_warn("a password in an argument can be read by others; --password-stdin takes it from a pipe");
		c->password = pool_strdup(&l->pool, o->password);
		memset(o->password, 'x', strlen(o->password));
	} else if (r == 0) {
		r = o->password_stdin ? secret_read(&l->pool, &c->password, err) : secret_ask("Password: ", &l->pool, &c->password, err);
	}
	if (r == 0 && (str_empty(c->username) || str_empty(c->password) || strchr(c->username, ':')))
		r = error_say(err, EINVAL, "%s", str_empty(c->username) ? "the user's name is empty" :
			      str_empty(c->password) ? "the password is empty" :
			      "a user's name cannot hold a colon");
	return r;
}

static int denied(const struct login *l, struct error *err)
{
	const char *said = strstr(err->text, "(it says: ");
	cleanup_free char *copy = xstrdup(said ? said : "");
	return error_say(err, EACCES, "login to %s: the registry does not accept this user and password%s%s", l->key, *copy ? " " : "", copy);
}

static int log_in(struct login *l, struct error *err)
{
	const struct login_options *o = l->o;
	struct credential c = { 0 };
	char *from = NULL;
	int r = 0;
	if (!o->username && !o->password && !o->password_stdin && (!o->registry.authfile || access(o->registry.authfile, F_OK) == 0))
		r = credentials_find(o->registry.authfile, NULL, l->host, l->path, &l->pool, &c, &from, err);
	if (r == 0 && c.username) {
		r = verify(l, &c, err);
		if (r == 0)
			printf("Already logged in to %s as '%s' (%s)\n", l->key, c.username, from);
		if (r != -EACCES)
			return r;
	}
	r = ask_missing(l, &c, err);
	if (r == 0)
		r = verify(l, &c, err);
	if (r == -EACCES)
		r = denied(l, err);
	cleanup_free char *where = NULL;
	if (r == 0)
		r = credentials_store(o->registry.authfile, l->key, &c, &where, err);
	if (r == 0)
		printf("Login Succeeded\n");
	if (r == 0)
		fprintf(stderr, "The credentials for %s are in %s\n", l->key, where);
	return r;
}

static int get_login(struct login *l, struct error *err)
{
	struct credential c;
	int r = credentials_find(l->o->registry.authfile, NULL, l->host, l->path, &l->pool, &c, NULL, err);
	if (r == 0 && !c.username)
		return error_say(err, ENOENT, "not logged in to %s", l->key);
	if (r == 0)
		puts(c.username);
	return r;
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct login l = { .o = given };
	struct error err = { 0 };
	(void) program;
	take_key(&l, n_args ? args[0] : NULL);
	int r = l.o->get_login ? get_login(&l, &err) : log_in(&l, &err);
	pool_done(&l.pool);
	if (r < 0)
		(void) carrier_fail(&err);
	return r == -EINTR ? INTERRUPTED : r < 0 ? EXIT_CARRIER : 0;
}

const struct command command_login = {
	.name = "login|auth", .section = "Registries", .arguments = "[REGISTRY[/PATH]]", .summary = "log in to a registry",
	.description = "Shows the credentials to the registry, and keeps them when it accepts them. Without REGISTRY it is docker.io. "
		       "With a PATH they are for what is below it on that registry.\n\n"
		       "They are read from $REGISTRY_AUTH_FILE alone if that is set, else from the first of these that knows the registry: "
		       "$XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json, ~/.docker/config.json (or below $XDG_CONFIG_HOME, "
		       "$DOCKER_CONFIG). They are written where the registry is known already, else into ~/.docker/config.json, which docker, podman "
		       "and others read, too; the file is 0600 and is replaced at once. If it names a program for them (credHelpers, credsStore), "
		       "docker-credential-NAME is executed, with what it needs on its standard input, and keeps them. That and the reading of these "
		       "files is carrier's own work: the confined program that talks to the registry reads none of them (see carrier(1) "
		       "for what it may read), and gets the credentials for the registry that is asked and for no other.\n\n"
		       "Which registries are blocked, insecure, mirrored or meant by a short name is said in registries.conf, see "
		       "containers-registries.conf(5). CA certificates (*.crt) and client certificates (*.cert with *.key) of a registry are in "
		       "/etc/containers/certs.d/HOST[:PORT], /etc/docker/certs.d/HOST[:PORT] or ~/.config/containers/certs.d/HOST[:PORT].",
	.examples = "Asked for the password:\n\tcarrier login -u anna registry.example.org\n\n"
		    "From a script:\n\tcarrier login -u anna --password-stdin registry.example.org < password",
	.exit_status = "0, 125 when the registry does not accept them or cannot be reached, 130 when a signal ended the question for them.",
	OPTIONS(struct login_options, options), .defaults = &defaults, .max_args = 1, .run = run,
};

/* ---- logout ---- */

struct logout_options { bool all; char *authfile; };
static const struct option_def logout_options[] = {
	OPTION(struct logout_options, all, 'a', "all", NULL, "forget the credentials for all registries"),
	OPTION(struct logout_options, authfile, 0, "authfile", "FILE", "forget them in this file alone"),
};

static int run_logout(void *program, void *given, char **args, int n_args)
{
	const struct logout_options *o = given;
	struct login l = { 0 };
	struct error err = { 0 };
	(void) program;
	if (o->all && n_args) {
		error_say(&err, EINVAL, "--all means every registry; give none, or leave --all out");
		return carrier_fail(&err);
	}
	take_key(&l, n_args ? args[0] : NULL);
	int n = credentials_erase(o->authfile, o->all ? NULL : l.key, &err);
	if (n > 0 && o->all)
		puts("Removed the credentials for all registries");
	else if (n > 0)
		printf("Removed the credentials for %s\n", l.key);
	else if (n == 0)
		printf("Not logged in to %s\n", o->all ? "any registry" : l.key);
	pool_done(&l.pool);
	return n < 0 ? carrier_fail(&err) : 0;
}

const struct command command_logout = {
	.name = "logout", .arguments = "[REGISTRY[/PATH]]", .summary = "forget the credentials for a registry",
	.description = "Removes them from every file in which `carrier login` looks for them, and from the programs that these files "
		       "name. Without REGISTRY it is docker.io.",
	.examples = "One registry, or all:\n\tcarrier logout registry.example.org\n\tcarrier logout --all",
	.exit_status = "0, also when there were none; 125 when a file or a helper could not be changed.",
	OPTIONS(struct logout_options, logout_options), .max_args = 1, .run = run_logout,
};
