#include "link.h"
#include "cleanup.h"
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>

/* ---- links ---- */

int link_find(struct netlink *nl, const char *name, struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	struct buf hold cleanup_buf = { 0 };
	struct netlink_answer answer;
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	struct error why = { 0 };
	netlink_begin(&m, RTM_GETLINK, 0, &link, sizeof link);
	netlink_put_string(&m, IFLA_IFNAME, name);
	int r = netlink_get(nl, &m, sizeof link, &hold, &answer, &why);
	if (r == -ENODEV)
		return r;
	if (r < 0)
		return error_say(err, -r, "look for the link '%s': %s", name, why.text);
	memcpy(&link, answer.header, sizeof link);
	return link.ifi_index;
}

int link_remove(struct netlink *nl, const char *name, struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	const struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	struct error why = { 0 };
	netlink_begin(&m, RTM_DELLINK, 0, &link, sizeof link);
	netlink_put_string(&m, IFLA_IFNAME, name);
	int r = netlink_request(nl, &m, &why);
	return r < 0 && r != -ENODEV ? error_say(err, -r, "remove the link '%s': %s", name, why.text) : 0;
}

int link_up(struct netlink *nl, int index, struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	const struct ifinfomsg link = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	netlink_begin(&m, RTM_NEWLINK, 0, &link, sizeof link);
	int r = netlink_request(nl, &m, err);
	return r < 0 ? error_wrap(err, "set a link up") : 0;
}

int link_bridge(struct netlink *nl, const char *name, const char *alias, const unsigned char mac[6], uint32_t mtu, uint32_t group,
		struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	const struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	struct error why = { 0 };
	netlink_begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link);
	netlink_put_string(&m, IFLA_IFNAME, name);
	netlink_put_string(&m, IFLA_IFALIAS, alias);
	netlink_put(&m, IFLA_ADDRESS, mac, 6);	/* else it has the lowest of its ports', and changes with them */
	if (mtu)
		netlink_put_u32(&m, IFLA_MTU, mtu);
	if (group)
		netlink_put_u32(&m, IFLA_GROUP, group);
	size_t info = netlink_nest(&m, IFLA_LINKINFO);
	netlink_put_string(&m, IFLA_INFO_KIND, "bridge");
	netlink_nest_end(&m, info);
	int r = netlink_request(nl, &m, &why);
	if (r == -EEXIST)
		return 0;
	if (r == -EOPNOTSUPP)
		return error_say(err, EOPNOTSUPP, "this kernel has no bridges: as root, run `modprobe bridge`");
	return r < 0 ? error_say(err, -r, "make the bridge '%s': %s", name, why.text) : 1;
}

int link_veth(struct netlink *nl, const struct link_pair *pair, struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	const struct ifinfomsg link = { .ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	const struct ifinfomsg other = { .ifi_family = AF_UNSPEC };
	struct error why = { 0 };
	netlink_begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link);
	netlink_put_string(&m, IFLA_IFNAME, pair->name);
	netlink_put_string(&m, IFLA_IFALIAS, pair->alias);
	netlink_put_u32(&m, IFLA_MASTER, (uint32_t) pair->master);
	if (pair->mtu)
		netlink_put_u32(&m, IFLA_MTU, pair->mtu);
	size_t info = netlink_nest(&m, IFLA_LINKINFO);
	netlink_put_string(&m, IFLA_INFO_KIND, "veth");
	size_t data = netlink_nest(&m, IFLA_INFO_DATA);
	size_t peer = netlink_nest(&m, VETH_INFO_PEER);
	buf_add(&m.buf, &other, sizeof other);	/* the fixed part of a link, as in a message of its own */
	netlink_put_string(&m, IFLA_IFNAME, pair->peer);
	netlink_put(&m, IFLA_ADDRESS, pair->mac, sizeof pair->mac);
	netlink_put_u32(&m, IFLA_NET_NS_FD, (uint32_t) pair->ns_fd);
	if (pair->mtu)
		netlink_put_u32(&m, IFLA_MTU, pair->mtu);
	netlink_nest_end(&m, peer);
	netlink_nest_end(&m, data);
	netlink_nest_end(&m, info);
	int r = netlink_request(nl, &m, &why);
	if (r == -EOPNOTSUPP)
		return error_say(err, EOPNOTSUPP, "this kernel has no veth links: as root, run `modprobe veth`");
	return r < 0 ? error_say(err, -r, "make the link '%s': %s", pair->name, why.text) : 0;
}

int link_reflect(struct netlink *nl, const char *name, struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	const struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	netlink_begin(&m, RTM_NEWLINK, 0, &link, sizeof link);
	netlink_put_string(&m, IFLA_IFNAME, name);
	size_t info = netlink_nest(&m, IFLA_LINKINFO);
	netlink_put_string(&m, IFLA_INFO_SLAVE_KIND, "bridge");
	size_t data = netlink_nest(&m, IFLA_INFO_SLAVE_DATA);
	netlink_put(&m, IFLA_BRPORT_MODE, &(uint8_t) { 1 }, 1);
	netlink_nest_end(&m, data);
	netlink_nest_end(&m, info);
	int r = netlink_request(nl, &m, err);
	return r < 0 ? error_wrap(err, "let the bridge's port '%s' reflect", name) : 0;
}

/* ---- addresses and routes ---- */

int link_address(struct netlink *nl, int index, const struct address *a, unsigned prefix, struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	const struct ifaddrmsg header = { .ifa_family = (unsigned char) a->family, .ifa_prefixlen = (unsigned char) prefix,
					  .ifa_index = (unsigned) index, .ifa_flags = a->family == AF_INET6 ? IFA_F_NODAD : 0 };
	struct error why = { 0 };
	char text[ADDRESS_TEXT_MAX];
	netlink_begin(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header);
	netlink_put(&m, IFA_LOCAL, a->bytes, address_size(a));
	netlink_put(&m, IFA_ADDRESS, a->bytes, address_size(a));
	if (a->family == AF_INET && prefix < 31) {
		struct address last = *a;
		for (unsigned i = 0; i < 32 - prefix; i++)
			last.bytes[3 - i / 8] |= (unsigned char) (1U << i % 8);
		netlink_put(&m, IFA_BROADCAST, last.bytes, 4);
	}
	int r = netlink_request(nl, &m, &why);
	return r < 0 && r != -EEXIST ? error_say(err, -r, "give a link the address %s: %s", address_text(a, text), why.text) : 0;
}

int link_default(struct netlink *nl, int index, const struct address *gateway, struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	const struct rtmsg header = { .rtm_family = (unsigned char) gateway->family, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
				      .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST };
	struct error why = { 0 };
	char text[ADDRESS_TEXT_MAX];
	netlink_begin(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
	netlink_put(&m, RTA_GATEWAY, gateway->bytes, address_size(gateway));
	netlink_put_u32(&m, RTA_OIF, (uint32_t) index);
	int r = netlink_request(nl, &m, &why);
	return r < 0 && r != -EEXIST ? error_say(err, -r, "make the default route by %s: %s", address_text(gateway, text), why.text) : 0;
}

int link_rule(struct netlink *nl, int family, uint32_t mark, uint32_t table, struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	const struct fib_rule_hdr header = { .family = (uint8_t) family, .action = FR_ACT_TO_TBL };
	struct error why = { 0 };
	netlink_begin(&m, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
	netlink_put_u32(&m, FRA_FWMARK, mark);
	netlink_put_u32(&m, FRA_TABLE, table);
	int r = netlink_request(nl, &m, &why);
	if (r == -EOPNOTSUPP)
		return error_say(err, EOPNOTSUPP, "this kernel has no policy routing (CONFIG_IP_MULTIPLE_TABLES, CONFIG_IPV6_MULTIPLE_TABLES)");
	return r < 0 && r != -EEXIST ? error_say(err, -r, "make a rule of the routing policy: %s", why.text) : 0;
}

int link_all_local(struct netlink *nl, int family, uint32_t table, struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	const struct rtmsg header = { .rtm_family = (unsigned char) family, .rtm_table = RT_TABLE_UNSPEC, .rtm_protocol = RTPROT_STATIC,
				      .rtm_scope = RT_SCOPE_HOST, .rtm_type = RTN_LOCAL };
	struct error why = { 0 };
	netlink_begin(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
	netlink_put_u32(&m, RTA_OIF, 1);	/* loopback is the first link of every network namespace */
	netlink_put_u32(&m, RTA_TABLE, table);
	int r = netlink_request(nl, &m, &why);
	return r < 0 && r != -EEXIST ? error_say(err, -r, "make a route of the table %u: %s", table, why.text) : 0;
}

/* ---- what there is ---- */

struct routes { int (*each)(void *ctx, const struct subnet *to, const char *link, struct error *err); void *ctx; };

static int each_route(void *ctx, const struct netlink_answer *answer, struct error *err)
{
	const struct routes *routes = ctx;
	struct rtmsg route;
	size_t len;
	char name[IF_NAMESIZE];
	memcpy(&route, answer->header, sizeof route);
	const void *to = netlink_find(answer->attributes, answer->len, RTA_DST, &len);
	struct subnet s = { { .family = route.rtm_family }, route.rtm_dst_len };
	uint32_t table = netlink_find_u32(answer->attributes, answer->len, RTA_TABLE, route.rtm_table);
	if (table != RT_TABLE_MAIN || route.rtm_type != RTN_UNICAST || (route.rtm_family != AF_INET && route.rtm_family != AF_INET6) ||
	    !to || len != address_size(&s.base) || route.rtm_dst_len == 0)
		return 0;
	memcpy(s.base.bytes, to, len);
	uint32_t index = netlink_find_u32(answer->attributes, answer->len, RTA_OIF, 0);
	return routes->each(routes->ctx, &s, index && if_indextoname(index, name) ? name : "", err);
}

int link_routes(struct netlink *nl, int (*each)(void *ctx, const struct subnet *to, const char *link, struct error *err), void *ctx,
		struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	const struct rtmsg header = { .rtm_family = AF_UNSPEC };
	struct routes routes = { each, ctx };
	netlink_begin(&m, RTM_GETROUTE, 0, &header, sizeof header);
	return netlink_dump(nl, &m, sizeof header, each_route, &routes, err);
}

struct links { int (*each)(void *ctx, const char *name, const char *alias, struct error *err); void *ctx; };

static int each_link(void *ctx, const struct netlink_answer *answer, struct error *err)
{
	const struct links *links = ctx;
	const char *name = netlink_find_string(answer->attributes, answer->len, IFLA_IFNAME);
	const char *alias = netlink_find_string(answer->attributes, answer->len, IFLA_IFALIAS);
	return name ? links->each(links->ctx, name, alias ? alias : "", err) : 0;
}

int link_each(struct netlink *nl, int (*each)(void *ctx, const char *name, const char *alias, struct error *err), void *ctx,
	      struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC };
	struct links links = { each, ctx };
	netlink_begin(&m, RTM_GETLINK, 0, &header, sizeof header);
	return netlink_dump(nl, &m, sizeof header, each_link, &links, err);
}
