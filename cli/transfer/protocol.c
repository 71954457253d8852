#include "protocol.h"
#include "cleanup.h"
#include "socket.h"

#define T struct fetch_credential
static const struct json_type credential_type = JSON_TYPE(T, JSON_REQUIRED(T, registry, "registry"),
	JSON_FIELD(T, path, "path"), JSON_REQUIRED(T, username, "username"), JSON_REQUIRED(T, password, "password"),
	JSON_FIELD(T, identity_token, "identityToken"));
#undef T
#define T struct fetch_setup
const struct json_type fetch_setup_type = JSON_TYPE(T, JSON_FIELD(T, tls_verify, "tlsVerify"), JSON_FIELD(T, insecure, "insecure"),
	JSON_FIELD(T, cert_dir, "certDir"),
	JSON_FIELD(T, user_agent, "userAgent"), JSON_LIST(T, credentials, "credentials", credential_type));
#undef T
#define T struct fetch_mirror
static const struct json_type mirror_type = JSON_TYPE(T, JSON_REQUIRED(T, registry, "registry"), JSON_REQUIRED(T, path, "path"),
	JSON_FIELD(T, scope, "scope"));
#undef T
#define T struct fetch_request
const struct json_type fetch_request_type = JSON_TYPE(T, JSON_REQUIRED(T, id, "id"), JSON_REQUIRED(T, registry, "registry"),
	JSON_REQUIRED(T, path, "path"), JSON_FIELD(T, scope, "scope"), JSON_LIST(T, mirrors, "mirrors", mirror_type),
	JSON_FIELD(T, accept, "accept"),
	JSON_FIELD(T, offset, "offset"), JSON_FIELD(T, size, "size"), JSON_FIELD(T, max, "max"),
	JSON_FIELD(T, method, "method"), JSON_FIELD(T, mount_from, "mountFrom"), JSON_FIELD(T, content_type, "contentType"),
	JSON_FIELD(T, digest, "digest"));
#undef T
#define T struct fetch_report
const struct json_type fetch_report_type = JSON_TYPE(T, JSON_REQUIRED(T, id, "id"), JSON_REQUIRED(T, kind, "kind"),
	JSON_FIELD(T, status, "status"), JSON_FIELD(T, content_type, "contentType"), JSON_FIELD(T, digest, "digest"), JSON_FIELD(T, link, "link"),
	JSON_FIELD(T, received, "received"), JSON_FIELD(T, total, "total"), JSON_FIELD(T, code, "code"), JSON_FIELD(T, message, "message"),
	JSON_FIELD(T, outcome, "outcome"));
#undef T
#define T struct unpack_report
const struct json_type unpack_report_type = JSON_TYPE(T, JSON_REQUIRED(T, kind, "kind"), JSON_FIELD(T, digest, "digest"),
	JSON_FIELD(T, compression, "compression"), JSON_FIELD(T, diff_id, "diffId"), JSON_FIELD(T, size, "size"), JSON_FIELD(T, unpacked, "unpacked"),
	JSON_FIELD(T, entries, "entries"), JSON_FIELD(T, pending, "pending"), JSON_FIELD(T, receive_us, "receiveUs"),
	JSON_FIELD(T, hash_us, "hashUs"),
	JSON_FIELD(T, inflate_us, "inflateUs"), JSON_FIELD(T, write_us, "writeUs"), JSON_FIELD(T, code, "code"),
	JSON_FIELD(T, message, "message"));
#undef T

int protocol_send(int socket, const struct json_type *type, const void *object, int fd)
{
	size_t len;
	cleanup_free char *text = json_encode(type, object, JSON_COMPACT, &len);
	if (len > PROTOCOL_MAX)
		return -EMSGSIZE;
	return socket_send(socket, text, len, fd);
}

int protocol_receive(int socket, const struct json_type *type, struct pool *pool, void *ret, int *fd, struct error *err)
{
	static char text[PROTOCOL_MAX];	/* too large for the stack of a confined program */
	cleanup_close int passed = -1;
	ssize_t n = socket_receive(socket, text, sizeof text, &passed);
	if (n == 0)
		return 0;
	if (n < 0)
		return error_set(err, (int) -n, "read from the other program");
	int r = json_decode(type, text, (size_t) n, pool, ret, err);
	if (r < 0)
		return error_wrap(err, "a packet of the other program");
	if (fd)
		*fd = take_fd(passed);
	return 1;
}
