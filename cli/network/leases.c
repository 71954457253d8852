#include "leases.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "proc.h"
#include "str.h"
#include <fcntl.h>
#include <string.h>

enum { DOCUMENT_MAX = 64 << 20 };
static const char file[] = "leases.json";

struct document { char *boot_id, *last_ip, *last_ip6; struct lease *leases; size_t n_leases; };

#define T struct lease_port
static const struct json_type port_type = JSON_TYPE(T, JSON_REQUIRED(T, protocol, "protocol"), JSON_FIELD(T, host_ip, "hostIp"),
	JSON_REQUIRED(T, host_port, "hostPort"), JSON_REQUIRED(T, port, "port"));
#undef T
#define T struct lease
static const struct json_type lease_type = JSON_TYPE(T, JSON_REQUIRED(T, container, "container"), JSON_REQUIRED(T, name, "name"),
	JSON_FIELD(T, names, "names"), JSON_REQUIRED(T, link, "link"), JSON_REQUIRED(T, inside, "inside"), JSON_FIELD(T, ip, "ip"),
	JSON_FIELD(T, ip6, "ip6"), JSON_FIELD(T, mac, "mac"), JSON_REQUIRED(T, pid, "pid"), JSON_REQUIRED(T, start_time, "startTime"),
	JSON_FIELD(T, keeper, "keeper"), JSON_FIELD(T, keeper_start, "keeperStartTime"), JSON_LIST(T, ports, "ports", port_type));
#undef T
#define T struct document
static const struct json_type document_type = JSON_TYPE(T, JSON_REQUIRED(T, boot_id, "bootId"), JSON_FIELD(T, last_ip, "lastIp"),
	JSON_FIELD(T, last_ip6, "lastIp6"), JSON_LIST(T, leases, "leases", lease_type));
#undef T

void leases_done(struct leases *l)
{
	pool_done(&l->pool);
	free(l->list);
	*l = (struct leases) { 0 };
}

int leases_lock(int dir_fd, struct error *err)
{
	cleanup_close int fd = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fs_lock(fd, true, true);
	return r < 0 ? error_set(err, -r, "lock a network") : take_fd(fd);
}

static bool lives(const struct lease *l)
{
	int state = proc_state((pid_t) l->pid, l->start_time);
	return state > 0 && state != 'Z' && state != 'X';
}

/* read_document - Return: 1 it is of this boot; 0 there is none, or none that can be understood */
static int read_document(int dir_fd, struct pool *pool, struct document **ret, struct error *err)
{
	cleanup_free char *text = NULL;
	struct error why = { 0 };
	size_t len;
	int r = fs_read_file(dir_fd, file, DOCUMENT_MAX, &text, &len, &why);
	if (r < 0)
		return r == -ENOENT ? 0 : error_say(err, -r, "%s", why.text);
	if (json_decode(&document_type, text, len, pool, ret, &why) < 0) {
		log_warn("'%s' of a network is damaged, and begun anew: %s", file, why.text);
		return 0;
	}
	return str_eq((*ret)->boot_id, proc_boot_id());
}

int leases_read(int dir_fd, struct leases *ret, struct error *err)
{
	cleanup_leases struct leases l = { 0 };
	struct document *d;
	int r = read_document(dir_fd, &l.pool, &d, err);
	for (size_t i = 0; r > 0 && i < d->n_leases; i++) {
		bool there = lives(&d->leases[i]);
		if (there)
			leases_add(&l, &d->leases[i]);
		l.lost_ports = l.lost_ports || (!there && d->leases[i].n_ports);
	}
	if (r < 0)
		return r;
	l.last_ip = r > 0 ? d->last_ip : NULL;
	l.last_ip6 = r > 0 ? d->last_ip6 : NULL;
	*ret = l;
	l = (struct leases) { 0 };
	return 0;
}

int leases_stale(int dir_fd, struct strings *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct document *d;
	int r = read_document(dir_fd, &pool, &d, err);
	for (size_t i = 0; r > 0 && i < d->n_leases; i++)
		if (!lives(&d->leases[i]))
			strings_add(ret, d->leases[i].name);
	return r < 0 ? r : 0;
}

int leases_write(int dir_fd, const struct leases *l, struct error *err)
{
	const struct document d = { (char *) (uintptr_t) proc_boot_id(), l->last_ip, l->last_ip6, l->list, l->n };
	size_t len;
	cleanup_free char *text = json_encode(&document_type, &d, JSON_COMPACT, &len);
	return fs_replace_file(dir_fd, file, text, len, 0600, false, err);	/* a crash ends all leases anyway */
}

void leases_add(struct leases *l, const struct lease *lease)
{
	l->list = xreallocarray(l->list, l->n + 1, sizeof *l->list);
	l->list[l->n++] = *lease;
}

bool leases_drop(struct leases *l, const char *container)
{
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++)
		if (!str_eq(l->list[i].container, container))
			l->list[n++] = l->list[i];
	bool any = n < l->n;
	l->n = n;
	return any;
}

const struct lease *leases_of(const struct leases *l, const char *container)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->list[i].container, container))
			return &l->list[i];
	return NULL;
}

const struct lease *leases_by(const struct leases *l, const struct address *a)
{
	char text[ADDRESS_TEXT_MAX];
	if (!address_text(a, text))
		return NULL;
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(a->family == AF_INET ? l->list[i].ip : l->list[i].ip6, text))
			return &l->list[i];
	return NULL;
}
