#include "netlink.h"
#include "cleanup.h"
#include "mem.h"
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

enum { DUMP_ATTEMPTS = 8, RECEIVE_SIZE = 64 << 10 };

/* ---- the socket ---- */

static int open_here(int protocol, struct error *err)
{
	cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	if (fd < 0 || bind(fd, (struct sockaddr *) &self, sizeof self) < 0)
		return error_set(err, errno, "open a netlink socket");
	/* better words, shorter refusals, filters that filter: from Linux 4.12, 4.3 and 4.20 on */
	static const int wanted[] = { NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK };
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		(void) setsockopt(fd, SOL_NETLINK, wanted[i], &(int) { 1 }, sizeof(int));
	return take_fd(fd);
}

int netlink_open(int protocol, int ns_fd, struct netlink *ret, struct error *err)
{
	if (ns_fd < 0) {
		int fd = open_here(protocol, err);
		*ret = (struct netlink) { .fd = fd < 0 ? -1 : fd };
		return fd < 0 ? fd : 0;
	}
	cleanup_close int own_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own_fd < 0)
		return error_set(err, errno, "open our network namespace");
	if (setns(ns_fd, CLONE_NEWNET) < 0)
		return error_set(err, errno, "enter the network namespace");
	cleanup_close int fd = open_here(protocol, err);
	if (setns(own_fd, CLONE_NEWNET) < 0)
		return error_set(err, errno, "come back to our network namespace");
	if (fd < 0)
		return fd;
	*ret = (struct netlink) { .fd = take_fd(fd) };
	return 0;
}

void netlink_close(struct netlink *nl)
{
	close_fd(&nl->fd);
}

/* ---- what is sent ---- */

void netlink_message_done(struct netlink_message *m)
{
	buf_done(&m->buf);
}

static void pad(struct buf *b)
{
	static const char zeros[NLMSG_ALIGNTO];
	buf_add(b, zeros, NLMSG_ALIGN(b->len) - b->len);
}

void netlink_begin(struct netlink_message *m, uint16_t type, uint16_t flags, const void *header, size_t len)
{
	const struct nlmsghdr h = { .nlmsg_type = type, .nlmsg_flags = flags };
	m->buf.len = 0;
	buf_add(&m->buf, &h, sizeof h);
	buf_add(&m->buf, header, len);
	pad(&m->buf);
}

void netlink_put(struct netlink_message *m, uint16_t type, const void *data, size_t len)
{
	const struct nlattr a = { .nla_len = (uint16_t) (NLA_HDRLEN + len), .nla_type = type };
	buf_add(&m->buf, &a, sizeof a);
	buf_add(&m->buf, data, len);
	pad(&m->buf);
}

void netlink_put_u32(struct netlink_message *m, uint16_t type, uint32_t value)
{
	netlink_put(m, type, &value, sizeof value);
}

void netlink_put_string(struct netlink_message *m, uint16_t type, const char *s)
{
	netlink_put(m, type, s, strlen(s) + 1);
}

size_t netlink_nest(struct netlink_message *m, uint16_t type)
{
	size_t start = m->buf.len;
	netlink_put(m, type | NLA_F_NESTED, NULL, 0);
	return start;
}

void netlink_nest_end(struct netlink_message *m, size_t start)
{
	uint16_t len = (uint16_t) (m->buf.len - start);
	memcpy(m->buf.data + start + offsetof(struct nlattr, nla_len), &len, sizeof len);
}

/* ---- what comes back ---- */

const void *netlink_find(const void *attributes, size_t len, uint16_t type, size_t *ret_len)
{
	const char *at = attributes;
	while (len >= NLA_HDRLEN) {
		struct nlattr a;
		memcpy(&a, at, sizeof a);
		if (a.nla_len < NLA_HDRLEN || a.nla_len > len)
			return NULL;
		if ((a.nla_type & NLA_TYPE_MASK) == type) {
			*ret_len = a.nla_len - NLA_HDRLEN;
			return at + NLA_HDRLEN;
		}
		size_t step = NLA_ALIGN(a.nla_len);
		if (step >= len)
			return NULL;
		at += step;
		len -= step;
	}
	return NULL;
}

uint32_t netlink_find_u32(const void *attributes, size_t len, uint16_t type, uint32_t otherwise)
{
	size_t n;
	uint32_t value;
	const void *data = netlink_find(attributes, len, type, &n);
	if (!data || n != sizeof value)
		return otherwise;
	memcpy(&value, data, sizeof value);
	return value;
}

const char *netlink_find_string(const void *attributes, size_t len, uint16_t type)
{
	size_t n;
	const char *data = netlink_find(attributes, len, type, &n);
	return data && n && data[n - 1] == 0 ? data : NULL;
}

int netlink_refusal(const void *text, size_t len, struct error *err)
{
	struct nlmsghdr h;
	struct nlmsgerr e;
	if (len < NLMSG_HDRLEN + sizeof e)
		return error_say(err, EBADMSG, "the kernel's answer is too short");
	memcpy(&h, text, sizeof h);
	memcpy(&e, (const char *) text + NLMSG_HDRLEN, sizeof e);
	if (e.error == 0)
		return 0;
	int code = e.error < 0 && e.error > -4096 ? -e.error : EBADMSG;
	/* the words lie behind the request's header, and behind all of the request where that was not left out */
	size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof e);
	if (!(h.nlmsg_flags & NLM_F_CAPPED) && e.msg.nlmsg_len > NLMSG_HDRLEN)
		skip += NLMSG_ALIGN(e.msg.nlmsg_len) - NLMSG_HDRLEN;
	const char *words = NULL;
	if ((h.nlmsg_flags & NLM_F_ACK_TLVS) && skip < len)
		words = netlink_find_string((const char *) text + skip, len - skip, NLMSGERR_ATTR_MSG);
	return words && *words ? error_set(err, code, "%s", words) : error_say(err, code, "%s", strerror(code));
}

/* ---- conversations ---- */

static int send_message(struct netlink *nl, struct netlink_message *m, uint16_t flags, struct error *err)
{
	struct nlmsghdr h;
	memcpy(&h, m->buf.data, sizeof h);
	h.nlmsg_len = (uint32_t) m->buf.len;
	h.nlmsg_flags = (uint16_t) (h.nlmsg_flags | NLM_F_REQUEST | flags);
	h.nlmsg_seq = ++nl->sequence;
	memcpy(m->buf.data, &h, sizeof h);
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n = sendto(nl->fd, m->buf.data, m->buf.len, 0, (struct sockaddr *) &kernel, sizeof kernel);
	return n < 0 ? error_set(err, errno, "send a netlink request") : 0;
}

/* receive - one packet of the kernel's into @text. Return: its length */
static ssize_t receive(struct netlink *nl, char *text, size_t size, int flags, struct error *err)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(nl->fd, text, size, MSG_TRUNC | flags, (struct sockaddr *) &from, &len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, errno, "receive from the kernel's networking");
		if (from.nl_pid != 0)
			continue;
		return (size_t) n > size ? error_say(err, EMSGSIZE, "the answer to a netlink request is too long") : n;
	}
}

/* struct answers - what one request brings, or (@unasked) what was told without any: whole messages, one behind the other */
struct answers { struct buf text; bool unasked, ended, interrupted; };

/* sort_packet - keep what belongs to our request. Return: 0, or the kernel's refusal */
static int sort_packet(const struct netlink *nl, const char *text, size_t len, struct answers *a, struct error *err)
{
	struct nlmsghdr h;
	for (; len >= sizeof h; text += NLMSG_ALIGN(h.nlmsg_len), len -= NLMSG_ALIGN(h.nlmsg_len)) {
		memcpy(&h, text, sizeof h);
		if (h.nlmsg_len < sizeof h || h.nlmsg_len > len)
			return error_say(err, EBADMSG, "the kernel's answer is cut off");
		if (a->unasked || h.nlmsg_seq == nl->sequence) {
			a->interrupted |= (h.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			a->ended |= h.nlmsg_type == NLMSG_ERROR || h.nlmsg_type == NLMSG_DONE;
			if (h.nlmsg_type == NLMSG_ERROR)
				return netlink_refusal(text, h.nlmsg_len, err);
			if (h.nlmsg_type >= NLMSG_MIN_TYPE) {
				buf_add(&a->text, text, h.nlmsg_len);
				pad(&a->text);
			}
		}
		if (NLMSG_ALIGN(h.nlmsg_len) >= len)
			break;
	}
	return 0;
}

static int converse(struct netlink *nl, struct netlink_message *m, uint16_t flags, struct answers *a,
		    struct error *err)
{
	cleanup_free char *packet = xmalloc(RECEIVE_SIZE);
	int r = send_message(nl, m, flags, err);
	while (r == 0 && !a->ended) {
		ssize_t n = receive(nl, packet, RECEIVE_SIZE, 0, err);
		r = n < 0 ? (int) n : sort_packet(nl, packet, (size_t) n, a, err);
	}
	return r;
}

int netlink_batch(struct netlink *nl, const void *messages, size_t len, struct error *err)
{
	cleanup_free char *packet = xmalloc(RECEIVE_SIZE);
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	/* the kernel takes as much as the buffer has room for, and answers errors with all of what was sent */
	int size = len > INT32_MAX / 2 ? INT32_MAX : (int) (len + RECEIVE_SIZE);
	(void) setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	(void) setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	if (sendto(nl->fd, messages, len, 0, (struct sockaddr *) &kernel, sizeof kernel) < 0)
		return error_set(err, errno, "send a batch of netlink requests");
	for (;;) {
		struct nlmsghdr h;
		ssize_t n = receive(nl, packet, RECEIVE_SIZE, 0, err);
		if (n < 0)
			return (int) n;
		memcpy(&h, packet, sizeof h);
		if ((size_t) n >= sizeof h && h.nlmsg_type == NLMSG_ERROR)
			return netlink_refusal(packet, (size_t) n, err);
	}
}

/* split - the message at @offset of @text. Return: where the next one is */
static size_t split(const struct buf *text, size_t offset, size_t header_len, struct netlink_answer *ret)
{
	struct nlmsghdr h;
	memcpy(&h, text->data + offset, sizeof h);
	size_t fixed = NLMSG_HDRLEN + NLMSG_ALIGN(header_len);
	*ret = (struct netlink_answer) { .type = h.nlmsg_type };
	if (h.nlmsg_len >= NLMSG_HDRLEN + header_len)
		ret->header = text->data + offset + NLMSG_HDRLEN;
	if (h.nlmsg_len > fixed) {
		ret->attributes = text->data + offset + fixed;
		ret->len = h.nlmsg_len - fixed;
	}
	return offset + NLMSG_ALIGN(h.nlmsg_len);
}

/* walk - @each for the messages that are long enough */
static int walk(const struct buf *text, size_t header_len, int (*each)(void *ctx, const struct netlink_answer *answer, struct error *err),
		void *ctx, struct error *err)
{
	for (size_t at = 0; at < text->len;) {
		struct netlink_answer answer;
		at = split(text, at, header_len, &answer);
		int r = answer.header ? each(ctx, &answer, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

int netlink_request(struct netlink *nl, struct netlink_message *m, struct error *err)
{
	struct answers a = { 0 };
	int r = converse(nl, m, NLM_F_ACK, &a, err);
	buf_done(&a.text);
	return r;
}

int netlink_get(struct netlink *nl, struct netlink_message *m, size_t header_len, struct buf *hold,
		struct netlink_answer *ret, struct error *err)
{
	struct answers a = { 0 };
	int r = converse(nl, m, NLM_F_ACK, &a, err);
	if (r == 0 && a.text.len)
		(void) split(&a.text, 0, header_len, ret);
	if (r == 0 && (!a.text.len || !ret->header))
		r = error_say(err, EBADMSG, "the kernel's answer is empty");
	if (r < 0) {
		buf_done(&a.text);
		return r;
	}
	*hold = a.text;
	return 0;
}

int netlink_dump(struct netlink *nl, struct netlink_message *m, size_t header_len,
		 int (*each)(void *ctx, const struct netlink_answer *answer, struct error *err), void *ctx,
		 struct error *err)
{
	struct buf text cleanup_buf = { 0 };
	for (int attempt = 0;; attempt++) {
		struct answers a = { 0 };
		int r = converse(nl, m, NLM_F_DUMP, &a, err);
		buf_done(&text);
		text = a.text;
		if (r < 0)
			return r;
		if (!a.interrupted)
			break;
		if (attempt == DUMP_ATTEMPTS)
			return error_say(err, EAGAIN, "what is listed changes all the time");
	}
	return walk(&text, header_len, each, ctx, err);
}

int netlink_subscribe(int protocol, int group, struct netlink *ret, struct error *err)
{
	cleanup_netlink struct netlink nl = NETLINK_INIT;
	int r = netlink_open(protocol, -1, &nl, err);
	if (r < 0)
		return r;
	if (setsockopt(nl.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
		return error_set(err, errno, "listen to the kernel's netlink group %d", group);
	*ret = (struct netlink) { .fd = take_fd(nl.fd) };
	return 0;
}

int netlink_news(struct netlink *nl, size_t header_len,
		 int (*each)(void *ctx, const struct netlink_answer *answer, struct error *err), void *ctx, struct error *err)
{
	cleanup_free char *packet = xmalloc(RECEIVE_SIZE);
	for (;;) {
		struct answers a = { .unasked = true };
		ssize_t n = receive(nl, packet, RECEIVE_SIZE, MSG_DONTWAIT, err);
		if (n < 0)
			return n == -EAGAIN ? 0 : (int) n;
		int r = sort_packet(nl, packet, (size_t) n, &a, err);
		r = r < 0 ? r : walk(&a.text, header_len, each, ctx, err);
		buf_done(&a.text);
		if (r < 0)
			return r;
	}
}
