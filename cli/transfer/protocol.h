/* protocol.h - what carrier says to its two confined programs, and what they say back.
 *
 * carrier-fetch: fd 3 is a SOCK_SEQPACKET socket. carrier sends a struct fetch_setup first, then a struct fetch_request each with one
 * fd attached (SCM_RIGHTS) where the body is to be written (a pipe, or a memfd); the fetcher answers with struct fetch_report
 * packets, any number of "progress", one "response" (status and headers, before the first byte), then "done" or "error".
 * All requests run at the same time. The end of the socket ends the fetcher.
 *
 * carrier-unpack: one process for each blob. fd 0: the blob's bytes; fd 3: reports, one JSON object a line (struct unpack_report);
 * fd 4: directory where the blob is written as the file --blob NAME (not given: it is in the store already); fd 5: directory in which
 * diff/ and pending.json are made (not given for documents). With --resume N the file has N bytes already, and fd 0 goes on behind
 * them. argv says what is expected; "done" is reported only when everything
 * was verified. Neither program ever names anything in the store: carrier renames what was verified.
 *
 * As `extract` it unpacks over what is in the directory of fd 5 itself: what `cp` and `volume import` do.
 *
 * carrier-unpack can also inflate a blob into the file --blob NAME (mode `inflate`), and verify one without keeping it.
 *
 * carrier-pack: one process for each archive. fd 5: the directory that is packed, fd 4: a file or pipe that the archive goes to, fd 3:
 * reports, as carrier-unpack's. It reads what is beneath the directory and writes to fd 4; nothing else is open to it.
 *
 * Every packet and line is one JSON object of at most 64 KiB.
 */
#pragma once
#include "json.h"

enum { PROTOCOL_MAX = 65536, FETCH_SOCKET_FD = 3, UNPACK_REPORT_FD = 3, UNPACK_BLOB_DIR_FD = 4, UNPACK_LAYER_DIR_FD = 5 };

/* for what is at or below @path of a registry (NULL: all of it); the longest path counts. @identity_token: an OAuth2 refresh token, which
 * is shown to the token server in place of the password */
struct fetch_credential { char *registry, *path, *username, *password, *identity_token; };
struct fetch_setup {
	bool tls_verify;		/* false: certificates are not checked, and plain HTTP is tried where TLS fails to start */
	char **insecure;		/* registries for which that is so in any case; or NULL */
	char *cert_dir;			/* *.crt, *.cert with *.key, for the registry; or NULL */
	char *user_agent;
	struct fetch_credential *credentials;
	size_t n_credentials;
};

/* one more place for the same thing, asked before the registry itself: the next when this one fails, also within a blob */
struct fetch_mirror { char *registry, *path, *scope; };

struct fetch_request {
	int64_t id;
	char *registry;			/* host[:port] */
	char *path;			/* "/v2/library/debian/manifests/latest" */
	char *scope;			/* "repository:library/debian:pull" */
	struct fetch_mirror *mirrors;
	size_t n_mirrors;
	char **accept;			/* media types, or NULL */
	int64_t offset;			/* resume from this byte (Range), 0: from the start */
	int64_t size;			/* expected, 0: unknown; more bytes than this are an error */
	int64_t max;			/* never more than this many bytes */
	/* the other direction; the fd is a file that is read, at whatever position it stands. One report at the end, "progress" before. */
	char *method;			/* NULL: GET. "HEAD": is it there? "UPLOAD": the blob that @path names, unless it is there (without an
					 * fd: only if it can be mounted). "PUT": a document */
	char *mount_from;		/* UPLOAD: a repository of the same registry that may have it */
	char *content_type;		/* PUT */
	char *digest;			/* PUT: the document's */
};

struct fetch_report {
	int64_t id;
	char *kind;			/* "response", "progress", "done", "error" */
	int64_t status;			/* HTTP */
	char *content_type, *digest, *link;	/* headers of the response: Content-Type, Docker-Content-Digest, Link (the next page) */
	int64_t received, total;	/* bytes of the body; total 0: unknown */
	int64_t code;			/* error: an errno to branch on (ENOENT, EACCES, ECONNREFUSED, ...) */
	char *message;			/* error: the whole sentence */
	char *outcome;			/* done, of a request with a method: "exists", "mounted" or "uploaded" */
};

struct unpack_report {
	char *kind;			/* "progress", "done", "error" */
	char *compression;		/* done: "plain", "gzip" or "zstd": what the blob turned out to be */
	char *digest, *diff_id;		/* done: computed and, where expected ones were given, equal to them */
	int64_t size;			/* compressed bytes so far */
	int64_t unpacked;		/* bytes of the tar so far */
	int64_t entries;
	bool pending;			/* pending.json was written */
	int64_t receive_us, hash_us, inflate_us, write_us;	/* done: where the time went; receive_us: until input was there */
	int64_t code;
	char *message;
};

extern const struct json_type fetch_setup_type, fetch_request_type, fetch_report_type, unpack_report_type;

/* protocol_send - one object as one packet, with @fd attached unless it is -1; -errno */
int protocol_send(int socket, const struct json_type *type, const void *object, int fd);
/* protocol_receive - one packet decoded; @fd: receives an attached one or -1 (may be NULL)
 * Return: 1, 0 at the end, or a negative errno */
int protocol_receive(int socket, const struct json_type *type, struct pool *pool, void *ret, int *fd, struct error *err);
