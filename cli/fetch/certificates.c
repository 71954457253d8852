#include "certificates.h"
#include "cleanup.h"
#include "fs.h"
#include "str.h"
#include <string.h>

enum { CERTIFICATES_MAX = 1 << 20 };

struct certificates {
	struct buf cas;			/* all of them, PEM */
	char *ca;			/* the file, when there is but one */
	size_t n_cas;
	char *cert, *key;		/* files */
	bool own_dir;			/* asked for by name; what others have made and we may not see is passed over */
};

char *const *certificates_dirs(const struct fetch_setup *setup)
{
	static char *dirs[4];
	const char *home = getenv("HOME");
	if (dirs[0])
		return dirs;
	if (setup->cert_dir) {
		dirs[0] = xstrdup(setup->cert_dir);
		return dirs;
	}
	dirs[0] = xstrdup("/etc/containers/certs.d");
	dirs[1] = xstrdup("/etc/docker/certs.d");
	if (!str_empty(home))
		dirs[2] = xasprintf("%s/.config/containers/certs.d", home);
	return dirs;
}

static int add_ca(struct certificates *c, char *path, struct error *err)
{
	cleanup_free char *text = NULL, *owned = path;
	size_t len;
	int r = fs_read_file(AT_FDCWD, path, CERTIFICATES_MAX, &text, &len, err);
	if (r < 0)
		return r;
	if (c->cas.len + len > CERTIFICATES_MAX)
		return error_say(err, EFBIG, "'%s' and the certificates before it are more than %d bytes", path, CERTIFICATES_MAX);
	buf_add(&c->cas, text, len);
	buf_putc(&c->cas, '\n');
	c->n_cas++;
	free(c->ca);
	c->ca = take_ptr(owned);
	return 0;
}

static int add_pair(struct certificates *c, const char *cert, struct error *err)
{
	if (c->cert)
		return 0;
	cleanup_free char *key = xasprintf("%.*s.key", (int) (strlen(cert) - strlen(".cert")), cert);
	if (access(key, R_OK) < 0)
		return error_set(err, errno, "client certificate '%s': its key '%s'", cert, key);
	c->cert = xstrdup(cert);
	c->key = take_ptr(key);
	return 0;
}

static int is_certificate(const struct dirent *d) { return str_ends(d->d_name, ".crt") || str_ends(d->d_name, ".cert"); }
static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static int add_directory(struct certificates *c, const char *dir, struct error *err)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, is_certificate, by_name), r = 0;
	if (n < 0 && errno != ENOENT && errno != ENOTDIR && (errno != EACCES || c->own_dir))
		return error_set(err, errno, "look for certificates in '%s'", dir);
	for (int i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", dir, list[i]->d_name);
		if (r == 0 && str_ends(path, ".crt"))
			r = add_ca(c, take_ptr(path), err);
		else if (r == 0)
			r = add_pair(c, path, err);
		free(path);
		free(list[i]);
	}
	free(list);
	return r;
}

int certificates_find(const struct fetch_setup *setup, const char *registry, struct certificates **ret, struct error *err)
{
	struct certificates *c = xcalloc(1, sizeof *c);
	int r = 0;
	c->own_dir = setup->cert_dir != NULL;
	for (char *const *dir = certificates_dirs(setup); r == 0 && *dir; dir++) {
		cleanup_free char *path = setup->cert_dir ? xstrdup(*dir) : xasprintf("%s/%s", *dir, registry);
		r = add_directory(c, path, err);
	}
	if (r < 0)
		certificates_free(c);
	else
		*ret = c;
	return r;
}

void certificates_use(const struct certificates *c, CURL *easy, bool own)
{
	/* the system's directory of certificates (CAPATH) stays: a registry of one's own may redirect to the internet */
	struct curl_blob all = { .data = c->cas.data, .len = c->cas.len, .flags = CURL_BLOB_NOCOPY };
	if (c->n_cas == 1)
		curl_easy_setopt(easy, CURLOPT_CAINFO, c->ca);	/* every TLS library knows that one */
	else if (c->n_cas > 1)
		curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &all);
	if (own && c->cert) {
		curl_easy_setopt(easy, CURLOPT_SSLCERT, c->cert);
		curl_easy_setopt(easy, CURLOPT_SSLKEY, c->key);
	}
}

void certificates_free(struct certificates *c)
{
	if (!c)
		return;
	buf_done(&c->cas);
	free(c->ca);
	free(c->cert);
	free(c->key);
	free(c);
}
