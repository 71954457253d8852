/* netlink.h - requests to the kernel's networking: netlink(7), rtnetlink(7).
 *
 *	struct netlink nl = NETLINK_INIT;
 *	struct netlink_message m cleanup_netlink_message = { 0 };
 *	struct ifinfomsg link = { .ifi_index = 7, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
 *	netlink_open(NETLINK_ROUTE, -1, &nl, &err)
 *	netlink_begin(&m, RTM_SETLINK, 0, &link, sizeof link);
 *	netlink_put_string(&m, IFLA_IFNAME, "eth0");
 *	netlink_request(&nl, &m, &err)		waits for the kernel's answer
 *
 * One socket, one request at a time. A refusal is told in the kernel's own words where it has some (extended
 * acknowledgement: "Device is up: Device or resource busy"); callers wrap it with what they were doing. Messages
 * from anybody but the kernel, and answers to other requests, are dropped.
 */
#pragma once
#include "error.h"
#include "str.h"
#include <linux/netlink.h>
#include <stdint.h>

struct netlink { int fd; uint32_t sequence; };
#define NETLINK_INIT { .fd = -1 }

/* netlink_open - a socket of @protocol (NETLINK_ROUTE ...) in a network namespace
 * @ns_fd: of that namespace; -1: ours. Entered for a moment, so the process must have one thread, and
 *         CAP_SYS_ADMIN over both namespaces. A failure to come back is an error, and leaves us there.
 */
int netlink_open(int protocol, int ns_fd, struct netlink *ret, struct error *err);
void netlink_close(struct netlink *nl);
#define cleanup_netlink __attribute__((cleanup(netlink_close)))

/* ---- what is sent ---- */

/* struct netlink_message - one request; grows. Zero-initialised, it is empty; netlink_begin() starts anew. */
struct netlink_message { struct buf buf; };
void netlink_message_done(struct netlink_message *m);
#define cleanup_netlink_message __attribute__((cleanup(netlink_message_done)))

/* netlink_begin - @type: RTM_...; @flags: NLM_F_CREATE ... besides those that sending adds;
 * @header: the family's fixed part (struct ifinfomsg ...) of @len bytes */
void netlink_begin(struct netlink_message *m, uint16_t type, uint16_t flags, const void *header, size_t len);
/* netlink_put - an attribute; at most 65531 bytes of data */
void netlink_put(struct netlink_message *m, uint16_t type, const void *data, size_t len);
void netlink_put_u32(struct netlink_message *m, uint16_t type, uint32_t value);
/* netlink_put_string - with its NUL */
void netlink_put_string(struct netlink_message *m, uint16_t type, const char *s);
/* netlink_nest - what is put from here to netlink_nest_end() lies in an attribute of @type. Return: for the end */
size_t netlink_nest(struct netlink_message *m, uint16_t type);
void netlink_nest_end(struct netlink_message *m, size_t start);

/* ---- what comes back ---- */

/* struct netlink_answer - one message of the kernel's, which is valid during the callback or until the struct
 * buf that holds it is released */
struct netlink_answer {
	uint16_t type;
	const void *header;	/* the family's fixed part, as long as was asked for */
	const void *attributes;
	size_t len;		/* of the attributes */
};

/* netlink_find - attribute @type among @len bytes of @attributes; nested ones are looked for in netlink_data()
 * of theirs. @ret_len: of its data. Return: its data (aligned to 4 bytes only), or NULL. Attributes whose length
 * is impossible end the search. */
const void *netlink_find(const void *attributes, size_t len, uint16_t type, size_t *ret_len);
/* netlink_find_u32, netlink_find_string - of exactly four bytes, or @otherwise; a NUL-terminated string, or NULL */
uint32_t netlink_find_u32(const void *attributes, size_t len, uint16_t type, uint32_t otherwise);
const char *netlink_find_string(const void *attributes, size_t len, uint16_t type);

/* netlink_request - send, and wait for the acknowledgement
 * Return: 0, or what the kernel says (-EEXIST, -EPERM ...) */
int netlink_request(struct netlink *nl, struct netlink_message *m, struct error *err);
/* netlink_get - send, and receive the one message that answers
 * @header_len: of the family's fixed part, in the answer too
 * @hold: owns what @ret points to */
int netlink_get(struct netlink *nl, struct netlink_message *m, size_t header_len, struct buf *hold,
		struct netlink_answer *ret, struct error *err);
/* netlink_dump - send as a dump; @each is called for every message of a consistent one (one that changes while it
 * is read is read again). It returns 0, or a negative errno that ends the calls and is returned. */
int netlink_dump(struct netlink *nl, struct netlink_message *m, size_t header_len,
		 int (*each)(void *ctx, const struct netlink_answer *answer, struct error *err), void *ctx,
		 struct error *err);

/* netlink_subscribe - a socket on which the kernel tells what happens in @group (NFNLGRP_NFTABLES ...) of our network namespace; to be polled.
 * netlink_news - @each for what it has told so far, without waiting; as of netlink_dump(). Return: 0; -ENOBUFS: some of it was lost */
int netlink_subscribe(int protocol, int group, struct netlink *ret, struct error *err);
int netlink_news(struct netlink *nl, size_t header_len,
		 int (*each)(void *ctx, const struct netlink_answer *answer, struct error *err), void *ctx, struct error *err);

/* netlink_batch - send @len bytes of whole messages, one behind the other, that are done together or not at all (nftables'), and wait for the first
 * acknowledgement or refusal: one of the messages has asked for it. For a socket that is used once. */
int netlink_batch(struct netlink *nl, const void *messages, size_t len, struct error *err);

/* netlink_refusal - the sentence of an NLMSG_ERROR message (@text: all of it, @len bytes), for tests and for who
 * reads answers himself. Return: 0 for an acknowledgement, else its negative errno, -EBADMSG when it is too
 * short. */
int netlink_refusal(const void *text, size_t len, struct error *err);
