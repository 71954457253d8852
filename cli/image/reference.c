#include "reference.h"
#include "str.h"
#include <ctype.h>
#include <string.h>

enum { HOST_MAX_LENGTH = 253, NAME_MAX_LENGTH = 255, TAG_MAX_LENGTH = 128 };	/* HOST: of RFC 1035 */

static bool is_hex(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

int digest_check(const char *digest, struct error *err)
{
	const char *hex = str_after(digest, "sha256:");
	if (hex && is_hex(hex, 64))
		return 0;
	hex = str_after(digest, "sha512:");
	if (hex && is_hex(hex, 128))
		return error_say(err, ENOTSUP, "digest '%.80s...': sha512 is not supported, only sha256", digest);
	if (!str_starts(digest, "sha256:") && strchr(digest, ':'))
		return error_say(err, EINVAL, "digest '%.80s': unknown algorithm, only sha256 is supported", digest);
	return error_say(err, EINVAL, "digest '%.80s': expected sha256: and 64 lower-case hex digits", digest);
}

const char *digest_hex(const char *digest)
{
	const char *colon = strchr(digest, ':');
	return colon ? colon + 1 : digest;
}

/* one part of a path: lower-case letters and digits, between them single '.', one or two '_', any number of '-' */
static bool part_ok(const char *s, size_t n)
{
	size_t i = 0;
	for (;;) {
		size_t start = i;
		while (i < n && (islower((unsigned char) s[i]) || isdigit((unsigned char) s[i])))
			i++;
		if (i == start)
			return false;
		if (i == n)
			return true;
		size_t separator = i;
		char c = s[i];
		while (i < n && s[i] == c)
			i++;
		size_t run = i - separator;
		if (!(c == '-' || (c == '.' && run == 1) || (c == '_' && run <= 2)))
			return false;
	}
}

static int check_path(const char *path, struct error *err)
{
	for (const char *p = path;; p++) {
		size_t n = strcspn(p, "/");
		if (!part_ok(p, n))
			return error_say(err, EINVAL, "'%s' is not an image name: a part consists of lower-case letters and digits, "
					 "separated by '.', '_', '__' or '-'", path);
		p += n;
		if (!*p)
			return 0;
	}
}

static bool label_char(char c) { return isalnum((unsigned char) c) || c == '-' || c == '_'; }

/* host names, IPv4, [IPv6], each with an optional :port */
static int check_registry(const char *registry, struct error *err)
{
	const char *p = registry;
	if (*p == '[') {
		p++;
		p += strspn(p, "0123456789abcdefABCDEF:.");
		if (*p++ != ']' || p == registry + 2)
			goto bad;
	} else {
		for (;;) {
			const char *label = p;
			while (label_char(*p))
				p++;
			if (p == label || *label == '-' || p[-1] == '-')
				goto bad;
			if (*p != '.')
				break;
			p++;
		}
	}
	if (p - registry > HOST_MAX_LENGTH)
		return error_say(err, EINVAL, "registry '%.60s...': the name of a host has at most %d characters", registry, HOST_MAX_LENGTH);
	if (*p == ':') {
		uint64_t port;
		if (str_to_u64(p + 1, 65535, &port) < 0 || port == 0)
			return error_say(err, EINVAL, "registry '%s': the port is not a number from 1 to 65535", registry);
		return 0;
	}
	if (*p == 0)
		return 0;
bad:
	return error_say(err, EINVAL, "'%s' is not a registry: expected HOST[:PORT]", registry);
}

static int check_tag(const char *tag, struct error *err)
{
	size_t n = strlen(tag);
	bool ok = n && n <= TAG_MAX_LENGTH && (isalnum((unsigned char) *tag) || *tag == '_');
	for (const char *p = tag; ok && *p; p++)
		ok = isalnum((unsigned char) *p) || strchr("_.-", *p);
	return ok ? 0 : error_say(err, EINVAL, "'%s' is not a tag: at most 128 letters, digits, '_', '.' and '-', not starting with "
				  "'.' or '-'", tag);
}

static bool is_registry(const char *s, size_t n)
{
	if (n == 9 && strncmp(s, "localhost", 9) == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (s[i] == '.' || s[i] == ':' || isupper((unsigned char) s[i]))
			return true;
	return false;
}

bool reference_is_short(const char *text)
{
	size_t n = strcspn(text, "/");
	return !text[n] || !is_registry(text, n);
}

/* fill - from the parts: name and familiar */
static void finish(struct pool *pool, struct reference *r)
{
	const char *tag = r->digest ? NULL : r->tag;
	const char *separator = tag ? ":" : "@", *rest = tag ? tag : r->digest;
	r->name = pool_printf(pool, "%s/%s%s%s", r->registry, r->path, separator, rest);
	const char *path = r->path;
	if (strcmp(r->registry, "docker.io") != 0)
		r->familiar = r->name;
	else
		r->familiar = pool_printf(pool, "%s%s%s", str_after(path, "library/") ? path + 8 : path, separator, rest);
}

int reference_parse(const char *text, struct pool *pool, struct reference *ret, struct error *err)
{
	struct reference r = { 0 };
	if (!*text)
		return error_say(err, EINVAL, "an image name is empty");
	if (strlen(text) > 4096)
		return error_say(err, EINVAL, "an image name is longer than 4096 characters");
	char *s = pool_strdup(pool, text);

	char *at = strchr(s, '@');
	if (at) {
		*at = 0;
		r.digest = at + 1;
		if (digest_check(r.digest, err) < 0)
			return error_wrap(err, "image '%s'", text);
	}
	char *slash = strchr(s, '/');
	if (slash && is_registry(s, (size_t) (slash - s))) {
		*slash = 0;
		r.registry = s;
		s = slash + 1;
		if (check_registry(r.registry, err) < 0)
			return error_wrap(err, "image '%s'", text);
	} else {
		r.registry = pool_strdup(pool, "docker.io");
	}
	if (strcmp(r.registry, "index.docker.io") == 0)
		r.registry = pool_strdup(pool, "docker.io");

	char *colon = strrchr(s, ':');
	if (colon && !strchr(colon, '/')) {
		*colon = 0;
		r.tag = colon + 1;
		if (check_tag(r.tag, err) < 0)
			return error_wrap(err, "image '%s'", text);
	}
	if (check_path(s, err) < 0)
		return error_wrap(err, "image '%s'", text);
	bool short_name = strcmp(r.registry, "docker.io") == 0 && !strchr(s, '/');
	r.path = short_name ? pool_printf(pool, "library/%s", s) : s;
	if (strlen(r.path) > NAME_MAX_LENGTH)
		return error_say(err, EINVAL, "image '%.60s...': the name is longer than %d characters", text, NAME_MAX_LENGTH);
	if (!r.tag && !r.digest)
		r.tag = pool_strdup(pool, "latest");
	finish(pool, &r);
	*ret = r;
	return 0;
}

const char *reference_host(const struct reference *r)
{
	return strcmp(r->registry, "docker.io") == 0 ? "registry-1.docker.io" : r->registry;
}
