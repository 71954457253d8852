/* netlink.h: messages as they are built, attributes as they are found whatever is in them, refusals in the kernel's
 * words; and the real kernel, asked for the loopback device */
#include "cleanup.h"
#include "netlink.h"
#include "tap.h"
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void built(void)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	const struct ifinfomsg link = { .ifi_index = 7 };
	const size_t fixed = NLMSG_HDRLEN + sizeof link;
	size_t len, n;
	netlink_begin(&m, RTM_NEWLINK, NLM_F_CREATE, &link, sizeof link);
	OK(m.buf.len == fixed);
	netlink_put_string(&m, IFLA_IFNAME, "eth0");
	OK(m.buf.len == fixed + 4 + 8);	/* five bytes are padded */
	netlink_put_u32(&m, IFLA_MTU, 1400);
	netlink_put(&m, 99, "abc", 3);
	size_t nest = netlink_nest(&m, IFLA_LINKINFO);
	netlink_put_string(&m, IFLA_INFO_KIND, "veth");
	size_t inner = netlink_nest(&m, IFLA_INFO_DATA);
	netlink_put(&m, 1, "", 0);
	netlink_nest_end(&m, inner);
	netlink_nest_end(&m, nest);
	OK(m.buf.len % 4 == 0);

	const char *at = m.buf.data + fixed;
	len = m.buf.len - fixed;
	OK_STR(netlink_find_string(at, len, IFLA_IFNAME), "eth0");
	OK(netlink_find_u32(at, len, IFLA_MTU, 0) == 1400);
	OK(netlink_find_u32(at, len, IFLA_IFNAME, 5) == 5);	/* not four bytes */
	OK(netlink_find_u32(at, len, IFLA_MASTER, 6) == 6);
	OK(!netlink_find_string(at, len, 99));		/* no NUL at its end */
	const void *info = netlink_find(at, len, IFLA_LINKINFO, &n);
	OK(info && n == m.buf.len - nest - 4);
	OK_STR(netlink_find_string(info, n, IFLA_INFO_KIND), "veth");
	const void *data = netlink_find(info, n, IFLA_INFO_DATA, &n);
	OK(data && n == 4);
	OK(netlink_find(data, n, 1, &n) && n == 0);
	/* begun again, nothing of the old one is left */
	netlink_begin(&m, RTM_GETLINK, 0, &link, sizeof link);
	OK(m.buf.len == fixed);
}

/* search - for attribute 3 in a copy without a byte of room behind it, for the sanitizers */
static int search(const void *bytes, size_t len)
{
	char *copy = malloc(len ? len : 1);
	size_t n = 99;
	memcpy(copy, bytes, len);
	const void *found = netlink_find(copy, len, 3, &n);
	free(copy);
	return found ? (int) n : -1;
}

static void malformed(void)
{
	OK(search("", 0) == -1);
	OK(search("\4\0\3", 3) == -1);
	OK(search("\4\0\3\0", 4) == 0);
	OK(search("\4\0\3\200", 4) == 0);			/* the nested bit is not part of the type */
	OK(search("\0\0\3\0", 4) == -1);			/* would never end */
	OK(search("\3\0\3\0", 4) == -1);
	OK(search("\5\0\3\0", 4) == -1);			/* beyond the end */
	OK(search("\5\0\3\0x", 5) == 1);			/* the last one need not be padded */
	OK(search("\5\0\2\0x\0\0\0\10\0\3\0abcd", 16) == 4);
	OK(search("\5\0\2\0x", 5) == -1);
	OK(search("\5\0\2\0x\0\0\0\4", 9) == -1);
	OK(search("\377\377\2\0xxxx\4\0\3\0", 12) == -1);
}

static int refusal(const void *text, size_t len, struct error *err)
{
	char *copy = malloc(len);
	memcpy(copy, text, len);
	int r = netlink_refusal(copy, len, err);
	free(copy);
	return r;
}

static void refused(void)
{
	struct { struct nlmsghdr h; struct nlmsgerr e; char tail[64]; } m = { 0 };
	const size_t fixed = offsetof(__typeof__(m), tail);
	struct error err = { 0 };
	OK(refusal(&m, fixed, &err) == 0 && err.code == 0);
	m.e.error = -EEXIST;
	OK(refusal(&m, fixed, &err) == -EEXIST);
	OK_STR(err.text, "File exists");
	OK(refusal(&m, fixed - 1, &err) == -EBADMSG);
	m.e.error = 17;			/* no errno is positive */
	OK(refusal(&m, fixed, &err) == -EBADMSG);
	m.e.error = -123456;
	OK(refusal(&m, fixed, &err) == -EBADMSG);
	/* words behind the header alone, and behind the whole request */
	m.e.error = -EBUSY;
	m.h.nlmsg_flags = NLM_F_CAPPED | NLM_F_ACK_TLVS;
	memcpy(m.tail, "\12\0\1\0is up\0\0", 12);
	OK(refusal(&m, fixed + 12, &err) == -EBUSY);
	OK_STR(err.text, "is up: Device or resource busy");
	m.h.nlmsg_flags = NLM_F_ACK_TLVS;
	m.e.msg.nlmsg_len = sizeof m.e.msg + 8;
	memmove(m.tail + 8, m.tail, 12);
	OK(refusal(&m, fixed + 20, &err) == -EBUSY);
	OK_STR(err.text, "is up: Device or resource busy");
	m.e.msg.nlmsg_len = 1 << 30;	/* a length that is a lie */
	OK(refusal(&m, fixed + 20, &err) == -EBUSY);
	OK_STR(err.text, "Device or resource busy");
	m.e.msg.nlmsg_len = UINT32_MAX;
	OK(refusal(&m, fixed + 20, &err) == -EBUSY);
	memcpy(m.tail, "\11\0\1\0is up", 9);	/* not terminated */
	m.h.nlmsg_flags = NLM_F_CAPPED | NLM_F_ACK_TLVS;
	OK(refusal(&m, fixed + 9, &err) == -EBUSY);
	OK_STR(err.text, "Device or resource busy");
}

static int count_loopback(void *ctx, const struct netlink_answer *a, struct error *err)
{
	struct ifinfomsg link;
	const char *name = netlink_find_string(a->attributes, a->len, IFLA_IFNAME);
	(void) err;
	memcpy(&link, a->header, sizeof link);
	*(int *) ctx += name && strcmp(name, "lo") == 0 && (link.ifi_flags & IFF_LOOPBACK);
	return 0;
}

static int stop(void *ctx, const struct netlink_answer *a, struct error *err)
{
	(void) a;
	*(int *) ctx += 1;
	return error_say(err, ECANCELED, "enough");
}

static void kernel(void)
{
	struct netlink nl cleanup_netlink = NETLINK_INIT;
	struct netlink_message m cleanup_netlink_message = { 0 };
	struct buf hold cleanup_buf = { 0 };
	struct netlink_answer a;
	struct error err = { 0 };
	struct ifinfomsg link = { 0 };
	int n = 0;
	OK(netlink_open(NETLINK_ROUTE, -1, &nl, &err) == 0);
	netlink_begin(&m, RTM_GETLINK, 0, &link, sizeof link);
	OK(netlink_dump(&nl, &m, sizeof link, count_loopback, &n, &err) == 0 && n == 1);
	n = 0;
	OK(netlink_dump(&nl, &m, sizeof link, stop, &n, &err) == -ECANCELED && n == 1);
	OK_STR(err.text, "enough");

	netlink_begin(&m, RTM_GETLINK, 0, &link, sizeof link);
	netlink_put_string(&m, IFLA_IFNAME, "lo");
	OK(netlink_get(&nl, &m, sizeof link, &hold, &a, &err) == 0);
	OK(a.type == RTM_NEWLINK);
	OK_STR(netlink_find_string(a.attributes, a.len, IFLA_IFNAME), "lo");

	struct buf none cleanup_buf = { 0 };
	netlink_begin(&m, RTM_GETLINK, 0, &link, sizeof link);
	netlink_put_string(&m, IFLA_IFNAME, "nosuch-device");
	OK(netlink_get(&nl, &m, sizeof link, &none, &a, &err) == -ENODEV && !none.data);
	OK_STR(err.text, "No such device");

	link.ifi_index = INT32_MAX;
	netlink_begin(&m, RTM_SETLINK, 0, &link, sizeof link);
	OK(netlink_request(&nl, &m, &err) < 0);	/* -ENODEV, or -EPERM */
	/* the conversation is in step after refusals */
	link.ifi_index = 0;
	n = 0;
	netlink_begin(&m, RTM_GETLINK, 0, &link, sizeof link);
	OK(netlink_dump(&nl, &m, sizeof link, count_loopback, &n, &err) == 0 && n == 1);
}

static int count(void *ctx, const struct netlink_answer *a, struct error *err)
{
	(void) a, (void) err;
	*(int *) ctx += 1;
	return 0;
}

static void news(void)
{
	struct netlink told cleanup_netlink = NETLINK_INIT, nl cleanup_netlink = NETLINK_INIT;
	struct netlink_message m cleanup_netlink_message = { 0 };
	struct ifinfomsg link = { .ifi_index = 1, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct error err = { 0 };
	int n = 0;
	OK(netlink_subscribe(NETLINK_ROUTE, 1 << 20, &told, &err) < 0 && told.fd == -1);
	OK(strstr(err.text, "netlink group 1048576") != NULL);
	OK(unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0);	/* where nothing but us changes a link */
	OK(netlink_subscribe(NETLINK_ROUTE, RTNLGRP_LINK, &told, &err) == 0);
	OK(netlink_news(&told, sizeof link, count, &n, &err) == 0 && n == 0);
	OK(netlink_open(NETLINK_ROUTE, -1, &nl, &err) == 0);
	netlink_begin(&m, RTM_NEWLINK, 0, &link, sizeof link);
	OK(netlink_request(&nl, &m, &err) == 0);
	OK(netlink_news(&told, sizeof link, count_loopback, &n, &err) == 0 && n == 1);
	OK(netlink_news(&told, sizeof link, count, &n, &err) == 0 && n == 1);
	/* more than it keeps */
	OK(setsockopt(told.fd, SOL_SOCKET, SO_RCVBUF, &(int) { 0 }, sizeof(int)) == 0);
	for (int i = 0; i < 100; i++) {
		link.ifi_flags ^= IFF_UP;
		netlink_begin(&m, RTM_NEWLINK, 0, &link, sizeof link);
		if (netlink_request(&nl, &m, &err) < 0)
			break;
	}
	OK(netlink_news(&told, sizeof link, count, &n, &err) == -ENOBUFS);
}

int main(void)
{
	built();
	malformed();
	refused();
	kernel();
	news();
	return tap_done();
}
