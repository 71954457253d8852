#include "nft.h"
#include "cleanup.h"
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { R1 = NFT_REG_1, R2 = NFT_REG_2, TABLE_MAX = 32, COMMENT_HEAD = 2, COMMENT_TYPE = 0, ID_DIGITS = 12 };
static const char prefix[] = "carrier_";

/* ---- a batch of messages ---- */

struct batch { struct buf text; struct netlink_message m; uint32_t sequence; char table[TABLE_MAX]; size_t rule; const char *comment; };

static void batch_done(struct batch *b)
{
	buf_done(&b->text);
	netlink_message_done(&b->m);
}

static void begin(struct batch *b, uint16_t type, uint16_t flags, uint8_t family, uint16_t resource)
{
	const struct nfgenmsg header = { .nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource) };
	netlink_begin(&b->m, type, flags | NLM_F_REQUEST, &header, sizeof header);
}

static void end(struct batch *b)
{
	struct nlmsghdr h;
	memcpy(&h, b->m.buf.data, sizeof h);
	h.nlmsg_len = (uint32_t) b->m.buf.len;
	h.nlmsg_seq = ++b->sequence;
	memcpy(b->m.buf.data, &h, sizeof h);
	buf_add(&b->text, b->m.buf.data, b->m.buf.len);
}

/* order - a message of nftables' about our table */
static void order(struct batch *b, int type, uint16_t flags)
{
	begin(b, (uint16_t) (NFNL_SUBSYS_NFTABLES << 8 | type), flags, NFPROTO_INET, 0);
}

static void put_be32(struct batch *b, uint16_t type, uint32_t value) { netlink_put_u32(&b->m, type, htonl(value)); }

static void begin_batch(struct batch *b, const char *id)
{
	snprintf(b->table, sizeof b->table, "%s%.*s", prefix, ID_DIGITS, id);
	begin(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	end(b);
}

static void add_table(struct batch *b, uint16_t flags)
{
	order(b, NFT_MSG_NEWTABLE, NLM_F_CREATE | flags);
	netlink_put_string(&b->m, NFTA_TABLE_NAME, b->table);
	if (b->comment) {	/* as nft(8) writes it, which shows it: its type, its length, the text with its NUL */
		unsigned char data[COMMENT_HEAD + UINT8_MAX] = { COMMENT_TYPE };
		size_t len = strnlen(b->comment, UINT8_MAX - 1);
		data[1] = (unsigned char) (len + 1);
		memcpy(data + COMMENT_HEAD, b->comment, len);
		netlink_put(&b->m, NFTA_TABLE_USERDATA, data, COMMENT_HEAD + len + 1);
	}
	end(b);
}

static void delete_table(struct batch *b, uint16_t flags)
{
	order(b, NFT_MSG_DELTABLE, flags);
	netlink_put_string(&b->m, NFTA_TABLE_NAME, b->table);
	end(b);
}

static int open_nftables(struct netlink *nl, struct error *err)
{
	int r = netlink_open(NETLINK_NETFILTER, -1, nl, err);
	return r == -EPROTONOSUPPORT ? error_say(err, EPROTONOSUPPORT, "this kernel has no nftables: as root, run `modprobe nf_tables`") : r;
}

static int send_batch(struct batch *b, struct error *err)
{
	cleanup_netlink struct netlink nl = NETLINK_INIT;
	begin(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	end(b);
	int r = open_nftables(&nl, err);
	return r < 0 ? r : netlink_batch(&nl, b->text.data, b->text.len, err);
}

static void add_chain(struct batch *b, const char *name, const char *type, int hook, int priority)
{
	order(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	netlink_put_string(&b->m, NFTA_CHAIN_TABLE, b->table);
	netlink_put_string(&b->m, NFTA_CHAIN_NAME, name);
	size_t nest = netlink_nest(&b->m, NFTA_CHAIN_HOOK);
	put_be32(b, NFTA_HOOK_HOOKNUM, (uint32_t) hook);
	put_be32(b, NFTA_HOOK_PRIORITY, (uint32_t) priority);
	netlink_nest_end(&b->m, nest);
	netlink_put_string(&b->m, NFTA_CHAIN_TYPE, type);
	end(b);
}

/* ---- a rule, expression by expression ---- */

static void rule(struct batch *b, const char *chain, uint16_t flags)
{
	order(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | flags);
	netlink_put_string(&b->m, NFTA_RULE_TABLE, b->table);
	netlink_put_string(&b->m, NFTA_RULE_CHAIN, chain);
	b->rule = netlink_nest(&b->m, NFTA_RULE_EXPRESSIONS);
}

static void rule_end(struct batch *b)
{
	netlink_nest_end(&b->m, b->rule);
	end(b);
}

struct expression { size_t element, data; };

static struct expression expression(struct batch *b, const char *name)
{
	struct expression e;
	e.element = netlink_nest(&b->m, NFTA_LIST_ELEM);
	netlink_put_string(&b->m, NFTA_EXPR_NAME, name);
	e.data = netlink_nest(&b->m, NFTA_EXPR_DATA);
	return e;
}

static void expression_end(struct batch *b, struct expression e)
{
	netlink_nest_end(&b->m, e.data);
	netlink_nest_end(&b->m, e.element);
}

static void put_value(struct batch *b, uint16_t type, const void *data, size_t len)
{
	size_t nest = netlink_nest(&b->m, type);
	netlink_put(&b->m, NFTA_DATA_VALUE, data, len);
	netlink_nest_end(&b->m, nest);
}

static void meta(struct batch *b, uint32_t key)
{
	struct expression e = expression(b, "meta");
	put_be32(b, NFTA_META_KEY, key);
	put_be32(b, NFTA_META_DREG, R1);
	expression_end(b, e);
}

static void compare(struct batch *b, uint32_t how, const void *data, size_t len)
{
	struct expression e = expression(b, "cmp");
	put_be32(b, NFTA_CMP_SREG, R1);
	put_be32(b, NFTA_CMP_OP, how);
	put_value(b, NFTA_CMP_DATA, data, len);
	expression_end(b, e);
}

static void mask_with(struct batch *b, const void *mask, size_t len)
{
	static const char zeros[16];
	struct expression e = expression(b, "bitwise");
	put_be32(b, NFTA_BITWISE_SREG, R1);
	put_be32(b, NFTA_BITWISE_DREG, R1);
	put_be32(b, NFTA_BITWISE_LEN, (uint32_t) len);
	put_value(b, NFTA_BITWISE_MASK, mask, len);
	put_value(b, NFTA_BITWISE_XOR, zeros, len);
	expression_end(b, e);
}

static void link_is(struct batch *b, uint32_t key, uint32_t how, const char *name)
{
	char text[IF_NAMESIZE] = { 0 };
	snprintf(text, sizeof text, "%s", name);
	meta(b, key);
	compare(b, how, text, sizeof text);
}

static void family_is(struct batch *b, int family)
{
	uint8_t proto = family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	meta(b, NFT_META_NFPROTO);
	compare(b, NFT_CMP_EQ, &proto, 1);
}

static void payload(struct batch *b, uint32_t base, uint32_t offset, uint32_t len)
{
	struct expression e = expression(b, "payload");
	put_be32(b, NFTA_PAYLOAD_DREG, R1);
	put_be32(b, NFTA_PAYLOAD_BASE, base);
	put_be32(b, NFTA_PAYLOAD_OFFSET, offset);
	put_be32(b, NFTA_PAYLOAD_LEN, len);
	expression_end(b, e);
}

/* address_is - the packet's source or destination lies in @s; it is known to be of that family */
static void address_is(struct batch *b, bool source, uint32_t how, const struct subnet *s)
{
	bool four = s->base.family == AF_INET;
	unsigned size = address_size(&s->base);
	unsigned char mask[16] = { 0 };
	for (unsigned i = 0; i < s->prefix; i++)
		mask[i / 8] |= (unsigned char) (0x80 >> i % 8);
	payload(b, NFT_PAYLOAD_NETWORK_HEADER, four ? (source ? 12 : 16) : source ? 8 : 24, size);
	if (s->prefix < 8 * size)
		mask_with(b, mask, size);
	compare(b, how, s->base.bytes, size);
}

/* tracked - a bit of the connection's state or status */
static void tracked(struct batch *b, uint32_t key, uint32_t bits)
{
	const uint32_t none = 0;
	struct expression e = expression(b, "ct");
	put_be32(b, NFTA_CT_KEY, key);
	put_be32(b, NFTA_CT_DREG, R1);
	expression_end(b, e);
	mask_with(b, &bits, sizeof bits);
	compare(b, NFT_CMP_NEQ, &none, sizeof none);
}

static void is_local(struct batch *b)
{
	const uint32_t local = RTN_LOCAL;
	struct expression e = expression(b, "fib");
	put_be32(b, NFTA_FIB_DREG, R1);
	put_be32(b, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	put_be32(b, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	expression_end(b, e);
	compare(b, NFT_CMP_EQ, &local, sizeof local);
}

static void load(struct batch *b, uint32_t reg, const void *data, size_t len)
{
	struct expression e = expression(b, "immediate");
	put_be32(b, NFTA_IMMEDIATE_DREG, reg);
	put_value(b, NFTA_IMMEDIATE_DATA, data, len);
	expression_end(b, e);
}

static void verdict(struct batch *b, int code)
{
	struct expression e = expression(b, "immediate");
	put_be32(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	size_t data = netlink_nest(&b->m, NFTA_IMMEDIATE_DATA), nest = netlink_nest(&b->m, NFTA_DATA_VERDICT);
	put_be32(b, NFTA_VERDICT_CODE, (uint32_t) code);
	netlink_nest_end(&b->m, nest);
	netlink_nest_end(&b->m, data);
	expression_end(b, e);
}

static void masquerade(struct batch *b) { expression_end(b, expression(b, "masq")); }

static void dnat(struct batch *b, const struct address *to, uint16_t port)
{
	const uint16_t network_order = htons(port);
	load(b, R1, to->bytes, address_size(to));
	load(b, R2, &network_order, sizeof network_order);
	struct expression e = expression(b, "nat");
	put_be32(b, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	put_be32(b, NFTA_NAT_FAMILY, to->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
	put_be32(b, NFTA_NAT_REG_ADDR_MIN, R1);
	put_be32(b, NFTA_NAT_REG_PROTO_MIN, R2);
	expression_end(b, e);
}

/* ---- the chains ---- */

static const struct subnet loopback4 = { { AF_INET, { 127 } }, 8 };
static const struct subnet loopback6 = { { AF_INET6, { [15] = 1 } }, 128 };

static void add_guard(struct batch *b, const struct nft_network *n)
{
	add_chain(b, "guard", "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW);
	rule(b, "guard", 0);
	link_is(b, NFT_META_IIFNAME, NFT_CMP_EQ, n->bridge);
	family_is(b, AF_INET);
	address_is(b, false, NFT_CMP_EQ, &loopback4);
	verdict(b, NF_DROP);
	rule_end(b);
}

static void add_port(struct batch *b, const char *chain, const struct nft_port *p)
{
	const struct subnet host = { p->host, p->host.family ? address_bits(&p->host) : 0 };
	const uint16_t port = htons(p->host_port);
	const uint8_t protocol = (uint8_t) p->protocol;
	rule(b, chain, 0);
	family_is(b, p->to.family);
	meta(b, NFT_META_L4PROTO);
	compare(b, NFT_CMP_EQ, &protocol, 1);
	payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	compare(b, NFT_CMP_EQ, &port, 2);
	if (p->host.family)
		address_is(b, false, NFT_CMP_EQ, &host);
	else
		is_local(b);
	if (p->to.family == AF_INET6)	/* ::1 cannot be the source of what goes out by a link, as 127.0.0.1 can */
		address_is(b, false, NFT_CMP_NEQ, &loopback6);
	dnat(b, &p->to, p->port);
	rule_end(b);
}

static void add_ports(struct batch *b, const struct nft_network *n)
{
	add_chain(b, "prerouting", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST);
	add_chain(b, "output", "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST);
	for (size_t i = 0; i < n->n_ports; i++) {
		add_port(b, "prerouting", &n->ports[i]);
		add_port(b, "output", &n->ports[i]);
	}
}

/* add_leaving - into the world with an address of the host's; @back: into the network itself by a published port, so that the answer finds
 * the same way back */
static void add_leaving(struct batch *b, const struct nft_network *n, const struct subnet *s, bool back)
{
	rule(b, "postrouting", 0);
	family_is(b, s->base.family);
	address_is(b, true, NFT_CMP_EQ, s);
	link_is(b, NFT_META_OIFNAME, back ? NFT_CMP_EQ : NFT_CMP_NEQ, n->bridge);
	if (back)
		tracked(b, NFT_CT_STATUS, IPS_DST_NAT);
	masquerade(b);
	rule_end(b);
}

static void add_postrouting(struct batch *b, const struct nft_network *n)
{
	add_chain(b, "postrouting", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
	for (size_t i = 0; i < n->n_subnets; i++) {
		if (!n->internal)
			add_leaving(b, n, &n->subnets[i], false);
		if (n->n_ports)
			add_leaving(b, n, &n->subnets[i], true);
	}
	if (n->n_ports)
		add_leaving(b, n, &loopback4, true);
}

static void add_forward_rule(struct batch *b, const char *in, const char *out, int code, uint16_t flags)
{
	rule(b, "forward", flags);
	if (in)
		link_is(b, NFT_META_IIFNAME, NFT_CMP_EQ, in);
	if (out)
		link_is(b, NFT_META_OIFNAME, NFT_CMP_EQ, out);
	verdict(b, code);
	rule_end(b);
}

/* add_forward - its last rule is the one that asks for the acknowledgement of all */
static void add_forward(struct batch *b, const struct nft_network *n)
{
	const uint32_t group = NFT_OPEN_GROUP, answers = NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED);
	add_chain(b, "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER);
	add_forward_rule(b, n->bridge, n->bridge, NF_ACCEPT, 0);
	if (n->internal) {
		add_forward_rule(b, n->bridge, NULL, NF_DROP, 0);
		add_forward_rule(b, NULL, n->bridge, NF_DROP, NLM_F_ACK);
		return;
	}
	rule(b, "forward", 0);
	tracked(b, NFT_CT_STATE, answers);
	verdict(b, NF_ACCEPT);
	rule_end(b);
	rule(b, "forward", 0);
	link_is(b, NFT_META_OIFNAME, NFT_CMP_EQ, n->bridge);
	tracked(b, NFT_CT_STATUS, IPS_DST_NAT);
	verdict(b, NF_ACCEPT);
	rule_end(b);
	if (n->open) {
		rule(b, "forward", 0);
		link_is(b, NFT_META_OIFNAME, NFT_CMP_EQ, n->bridge);
		meta(b, NFT_META_IIFGROUP);
		compare(b, NFT_CMP_EQ, &group, sizeof group);
		verdict(b, NF_ACCEPT);
		rule_end(b);
	}
	add_forward_rule(b, NULL, n->bridge, NF_DROP, NLM_F_ACK);
}

/* apply - @anew: a table that is there makes way. What is removed the kernel frees after a grace period, and whoever closes such a socket
 * meanwhile waits for it: 12 ms */
static int apply(const struct nft_network *n, bool anew, struct batch *b, struct error *err)
{
	begin_batch(b, n->id);
	if (anew) {
		add_table(b, 0);	/* so that there is one to delete */
		delete_table(b, 0);
	}
	add_table(b, NLM_F_EXCL);
	add_guard(b, n);
	add_ports(b, n);
	add_postrouting(b, n);
	add_forward(b, n);
	return send_batch(b, err);
}

/* is_there - has the kernel the table? Asked, not tried: also a transaction that fails waits for that grace period */
static int is_there(const char *id, struct error *err)
{
	cleanup_netlink struct netlink nl = NETLINK_INIT;
	struct netlink_message m cleanup_netlink_message = { 0 };
	struct netlink_answer answer;
	struct buf hold cleanup_buf = { 0 };
	const struct nfgenmsg header = { .nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0 };
	char name[24];
	snprintf(name, sizeof name, "%s%.*s", prefix, ID_DIGITS, id);
	int r = open_nftables(&nl, err);
	if (r < 0)
		return r;
	netlink_begin(&m, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, 0, &header, sizeof header);
	netlink_put_string(&m, NFTA_TABLE_NAME, name);
	struct error why = { 0 };
	r = netlink_get(&nl, &m, sizeof header, &hold, &answer, &why);
	if (r < 0 && r != -ENOENT)
		return error_say(err, -r, "%s", why.text);
	return r == 0;
}

int nft_apply(const struct nft_network *n, bool only_missing, struct error *err)
{
	struct batch b CLEANUP(batch_done) = { 0 };
	b.comment = n->comment;
	int there = is_there(n->id, err);
	if (there > 0 && only_missing)
		return 0;
	int r = there < 0 ? there : apply(n, there, &b, err);
	return r < 0 ? error_wrap(err, "set the rules of nftables' table 'carrier_%.12s'", n->id) : 0;
}

int nft_remove(const char *id, struct error *err)
{
	struct batch b CLEANUP(batch_done) = { 0 };
	struct error why = { 0 };
	begin_batch(&b, id);
	delete_table(&b, NLM_F_ACK);
	int r = send_batch(&b, &why);
	return r == 0 || r == -ENOENT ? 0 : error_say(err, -r, "remove nftables' table '%s': %s", b.table, why.text);
}

/* ---- marks ---- */

static void connection_mark(struct batch *b, bool sets)
{
	struct expression e = expression(b, "ct");
	put_be32(b, NFTA_CT_KEY, NFT_CT_MARK);
	put_be32(b, sets ? NFTA_CT_SREG : NFTA_CT_DREG, R1);
	expression_end(b, e);
}

static void set_mark(struct batch *b)
{
	struct expression e = expression(b, "meta");
	put_be32(b, NFTA_META_KEY, NFT_META_MARK);
	put_be32(b, NFTA_META_SREG, R1);
	expression_end(b, e);
}

int nft_answers(uint32_t mark, uint32_t answer, struct error *err)
{
	static const char id[] = "answers";
	struct batch b CLEANUP(batch_done) = { 0 };
	int r = is_there(id, err);
	if (r)
		return r < 0 ? r : 0;
	begin_batch(&b, id);
	add_table(&b, NLM_F_EXCL);
	add_chain(&b, "output", "filter", NF_INET_LOCAL_OUT, NF_IP_PRI_MANGLE);
	rule(&b, "output", 0);
	meta(&b, NFT_META_MARK);
	compare(&b, NFT_CMP_EQ, &mark, sizeof mark);
	load(&b, R1, &answer, sizeof answer);
	connection_mark(&b, true);
	rule_end(&b);
	add_chain(&b, "prerouting", "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_MANGLE);
	rule(&b, "prerouting", NLM_F_ACK);
	connection_mark(&b, false);
	compare(&b, NFT_CMP_EQ, &answer, sizeof answer);
	set_mark(&b);
	rule_end(&b);
	struct error why = { 0 };
	r = send_batch(&b, &why);
	return r == 0 || r == -EEXIST ? 0 : error_say(err, -r, "set the rules of nftables' table '%s': %s", b.table, why.text);
}

/* ---- what there is ---- */

struct tables { int (*each)(void *ctx, const char *id, const char *comment, struct error *err); void *ctx; };

static int each_table(void *ctx, const struct netlink_answer *answer, struct error *err)
{
	const struct tables *t = ctx;
	const char *name = netlink_find_string(answer->attributes, answer->len, NFTA_TABLE_NAME), *id = name ? str_after(name, prefix) : NULL;
	char comment[UINT8_MAX + 1] = "";
	size_t len;
	if (!id || strlen(id) != ID_DIGITS || strspn(id, "0123456789abcdef") != ID_DIGITS)
		return 0;
	const unsigned char *data = netlink_find(answer->attributes, answer->len, NFTA_TABLE_USERDATA, &len);
	if (data && len > COMMENT_HEAD && data[0] == COMMENT_TYPE && data[1] && data[1] <= len - COMMENT_HEAD)
		memcpy(comment, data + COMMENT_HEAD, data[1]);
	return t->each(t->ctx, id, comment, err);
}

int nft_each(int (*each)(void *ctx, const char *id, const char *comment, struct error *err), void *ctx, struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	cleanup_netlink struct netlink nl = NETLINK_INIT;
	const struct nfgenmsg header = { .nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0 };
	struct tables tables = { each, ctx };
	struct error why = { 0 };
	int r = netlink_open(NETLINK_NETFILTER, -1, &nl, &why);
	if (r < 0)
		return r == -EPROTONOSUPPORT ? 0 : error_say(err, -r, "%s", why.text);
	netlink_begin(&m, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, 0, &header, sizeof header);
	return netlink_dump(&nl, &m, sizeof header, each_table, &tables, err);
}

/* ---- what becomes of it ---- */

static void take_out(struct strings *l, const char *name)
{
	for (size_t i = l->n; i-- > 0;)
		if (str_eq(l->v[i], name)) {
			free(l->v[i]);
			l->v[i] = l->v[--l->n];
			l->v[l->n] = NULL;
		}
}

/* follow - @ctx: the tables of networks that have gone and were not made again */
static int follow(void *ctx, const struct netlink_answer *answer, struct error *err)
{
	enum { GONE = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE, MADE = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE };
	const char *name = netlink_find_string(answer->attributes, answer->len, NFTA_TABLE_NAME);
	(void) err;
	if (answer->type == GONE && name && str_starts(name, prefix))
		strings_add(ctx, name);
	else if (answer->type == MADE && name)
		take_out(ctx, name);
	return 0;
}

int nft_watch(struct netlink *ret, struct error *err)
{
	return netlink_subscribe(NETLINK_NETFILTER, NFNLGRP_NFTABLES, ret, err);
}

int nft_lost(struct netlink *watch, struct error *err)
{
	struct strings gone cleanup_strings = { 0 };
	int r = netlink_news(watch, sizeof(struct nfgenmsg), follow, &gone, err);
	return r == -ENOBUFS ? 1 : r < 0 ? r : gone.n > 0;
}

/* ---- ports of the same machine ---- */

static void set_transport(struct batch *b, uint32_t offset, int protocol)
{
	enum { UDP_CHECKSUM = 6, TCP_CHECKSUM = 16 };
	struct expression e = expression(b, "payload");
	put_be32(b, NFTA_PAYLOAD_SREG, R1);
	put_be32(b, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
	put_be32(b, NFTA_PAYLOAD_OFFSET, offset);
	put_be32(b, NFTA_PAYLOAD_LEN, 2);
	put_be32(b, NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
	put_be32(b, NFTA_PAYLOAD_CSUM_OFFSET, protocol == IPPROTO_UDP ? UDP_CHECKSUM : TCP_CHECKSUM);
	expression_end(b, e);
}

/* exchange_port - of the packets to @at, or (@source) from there */
static void exchange_port(struct batch *b, const char *chain, int protocol, const struct address *at, bool source, uint16_t from, uint16_t to,
			  uint16_t flags)
{
	const struct subnet one = { *at, address_bits(at) };
	const uint8_t proto = (uint8_t) protocol;
	const uint16_t old = htons(from), new = htons(to);
	const uint32_t offset = source ? 0 : 2;
	rule(b, chain, flags);
	family_is(b, at->family);
	meta(b, NFT_META_L4PROTO);
	compare(b, NFT_CMP_EQ, &proto, 1);
	address_is(b, source, NFT_CMP_EQ, &one);
	payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, offset, 2);
	compare(b, NFT_CMP_EQ, &old, 2);
	load(b, R1, &new, 2);
	set_transport(b, offset, protocol);
	rule_end(b);
}

int nft_exchange_port(const struct address *at, uint16_t port, uint16_t real, struct error *err)
{
	static const int protocols[] = { IPPROTO_UDP, IPPROTO_TCP };
	struct batch b CLEANUP(batch_done) = { 0 };
	begin_batch(&b, "names");
	add_table(&b, NLM_F_EXCL);
	/* on either side of connection tracking, where somebody does that: it knows @real alone */
	add_chain(&b, "questions", "filter", NF_INET_LOCAL_OUT, NF_IP_PRI_RAW);
	add_chain(&b, "answers", "filter", NF_INET_LOCAL_OUT, NF_IP_PRI_MANGLE);
	for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
		exchange_port(&b, "questions", protocols[i], at, false, port, real, 0);
		exchange_port(&b, "answers", protocols[i], at, true, real, port, i ? NLM_F_ACK : 0);
	}
	int r = send_batch(&b, err);
	return r < 0 && r != -EEXIST ? error_wrap(err, "set the rules of nftables' table '%s'", b.table) : 0;
}
