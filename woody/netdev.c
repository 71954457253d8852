/* Theory of operation. RTM_SETLINK moves and renames in one go, but its two halves can fail apart: a device may
 * have arrived and not have got its name. So who looks for it on the way back asks both namespaces. With a
 * template ("eth%d") the kernel picks the name and does not tell: the device arrives under a name that nobody
 * else has, is found by it, and gets the template in a second step.
 */
#include "netdev.h"
#include "cleanup.h"
#include "log.h"
#include "mem.h"
#include "netlink.h"
#include "str.h"
#include <ctype.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* what a user may have asked for; the kernel works the others out itself */
#define KEPT_FLAGS ((uint32_t) (IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | \
				IFA_F_MCAUTOJOIN))

struct address { struct ifaddrmsg header; char *attributes; size_t len; };

struct netdev {
	const char *host;		/* its name here; borrowed from the spec */
	const char *wanted;		/* its name or template there; borrowed */
	char arrival[IFNAMSIZ];		/* what it is called when it arrives there */
	char name[IFNAMSIZ];		/* what it is called there in the end */
	int index;			/* here */
	bool up, left;			/* it was up; it may have been moved */
	struct address *addresses;
	size_t n_addresses;
};

/* ---- before anything is made ---- */

static bool is_template(const char *name)
{
	return str_ends(name, "%d");
}

int netdev_check_name(const char *name, bool template, struct error *err)
{
	size_t len = strlen(name);
	if (len == 0)
		return error_say(err, EINVAL, "the name of a network device cannot be empty");
	if (len >= IFNAMSIZ)
		return error_say(err, EINVAL, "'%.64s' is too long for a network device: 15 characters at most", name);
	if (str_eq(name, ".") || str_eq(name, ".."))
		return error_say(err, EINVAL, "'%s' cannot be the name of a network device", name);
	size_t checked = template && is_template(name) ? len - 2 : len;
	for (size_t i = 0; i < checked; i++) {
		unsigned char c = (unsigned char) name[i];
		if (c == '%')
			return error_say(err, EINVAL, "'%s' cannot be the name of a network device: %%d is allowed only "
					 "at the end of the name in the container, and only once", name);
		if (c == '/' || c == ':' || isspace(c) || iscntrl(c))
			return error_say(err, EINVAL, "'%s' cannot be the name of a network device: no slashes, colons, "
					 "blanks and control characters", name);
	}
	return 0;
}

static const char *wanted_name(const struct spec_net_device *d)
{
	return str_empty(d->name) ? d->host_name : d->name;
}

/* is_ours - is the namespace that the container joins the one we are in? */
static int is_ours(const struct namespaces *n)
{
	struct stat own, theirs;
	for (int i = 0; i < n->n_join; i++)
		if (n->join[i].flag == CLONE_NEWNET && fstat(n->join[i].fd, &theirs) == 0 &&
		    stat("/proc/self/ns/net", &own) == 0)
			return own.st_dev == theirs.st_dev && own.st_ino == theirs.st_ino;
	return 0;
}

int netdev_check(const struct runtime_spec *spec, const struct namespaces *n, struct error *err)
{
	const struct spec_linux *l = spec->linux_;
	if (!l || l->n_net_devices == 0)
		return 0;
	for (size_t i = 0; i < l->n_net_devices; i++) {
		const struct spec_net_device *d = &l->net_devices[i];
		int r = netdev_check_name(d->host_name, false, err);
		if (r == 0)
			r = netdev_check_name(wanted_name(d), !str_empty(d->name), err);
		if (r < 0)
			return error_wrap(err, "linux.netDevices");
		for (size_t k = 0; k < i; k++)
			if (str_eq(wanted_name(&l->net_devices[k]), wanted_name(d)) && !is_template(wanted_name(d)))
				return error_say(err, EINVAL, "linux.netDevices: '%s' and '%s' cannot both be called '%s' in "
						 "the container", l->net_devices[k].host_name, d->host_name, wanted_name(d));
	}
	if (!((n->own | n->joined) & CLONE_NEWNET) || is_ours(n))
		return error_say(err, EINVAL, "linux.netDevices: the container needs a network namespace other than the "
				 "caller's to move devices to; list one in linux.namespaces");
	if (geteuid() != 0)
		return error_say(err, EPERM, "linux.netDevices: a rootless container cannot take network devices: moving "
				 "'%s' needs root, who is privileged over the host's network", l->net_devices[0].host_name);
	return 0;
}

/* ---- requests ---- */

/* get_link - the device @name or, when that is NULL, @index. -ENODEV */
static int get_link(struct netlink *nl, const char *name, int index, struct ifinfomsg *ret, char ret_name[IFNAMSIZ],
		    struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	struct buf hold cleanup_buf = { 0 };
	struct netlink_answer a;
	const struct ifinfomsg ask = { .ifi_index = name ? 0 : index };
	netlink_begin(&m, RTM_GETLINK, 0, &ask, sizeof ask);
	if (name)
		netlink_put_string(&m, IFLA_IFNAME, name);
	int r = netlink_get(nl, &m, sizeof *ret, &hold, &a, err);
	if (r < 0)
		return r;
	memcpy(ret, a.header, sizeof *ret);
	const char *is = netlink_find_string(a.attributes, a.len, IFLA_IFNAME);
	if (ret_name && is)
		snprintf(ret_name, IFNAMSIZ, "%s", is);
	return 0;
}

static int move_link(struct netlink *nl, int index, int ns_fd, const char *name, struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	const struct ifinfomsg link = { .ifi_index = index };
	netlink_begin(&m, RTM_SETLINK, 0, &link, sizeof link);
	netlink_put_u32(&m, IFLA_NET_NS_FD, (uint32_t) ns_fd);
	netlink_put_string(&m, IFLA_IFNAME, name);
	return netlink_request(nl, &m, err);
}

static int rename_link(struct netlink *nl, int index, const char *name, struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	const struct ifinfomsg link = { .ifi_index = index };
	netlink_begin(&m, RTM_SETLINK, 0, &link, sizeof link);
	netlink_put_string(&m, IFLA_IFNAME, name);
	return netlink_request(nl, &m, err);
}

static int set_up(struct netlink *nl, int index, struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	const struct ifinfomsg link = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	netlink_begin(&m, RTM_SETLINK, 0, &link, sizeof link);
	return netlink_request(nl, &m, err);
}

/* ---- addresses ---- */

static int save_address(void *ctx, const struct netlink_answer *a, struct error *err)
{
	struct netdev *d = ctx;
	struct address x = { .len = a->len };
	(void) err;
	if (a->type != RTM_NEWADDR || !a->len)
		return 0;
	memcpy(&x.header, a->header, sizeof x.header);
	if (x.header.ifa_index != (unsigned) d->index)
		return 0;	/* kernels before 4.20 list those of all devices */
	x.attributes = xmalloc(a->len);
	memcpy(x.attributes, a->attributes, a->len);
	d->addresses = xreallocarray(d->addresses, d->n_addresses + 1, sizeof x);
	d->addresses[d->n_addresses++] = x;
	return 0;
}

static int save_addresses(struct netlink *nl, struct netdev *d, struct error *err)
{
	struct netlink_message m cleanup_netlink_message = { 0 };
	const struct ifaddrmsg ask = { .ifa_index = (unsigned) d->index };
	netlink_begin(&m, RTM_GETADDR, 0, &ask, sizeof ask);
	return netlink_dump(nl, &m, sizeof ask, save_address, d, err);
}

static uint32_t flags_of(const struct address *x)
{
	return netlink_find_u32(x->attributes, x->len, IFA_FLAGS, x->header.ifa_flags);
}

/* put_label - "eth0:web" follows the device's name; one that does not fit any more is left out */
static void put_label(struct netlink_message *m, const struct address *x, const char *was, const char *is)
{
	char label[2 * IFNAMSIZ];
	const char *text = netlink_find_string(x->attributes, x->len, IFA_LABEL);
	const char *rest = text ? str_after(text, was) : NULL;
	if (!rest || *rest != ':')
		return;
	int n = snprintf(label, sizeof label, "%s%s", is, rest);
	if (n < IFNAMSIZ)
		netlink_put_string(m, IFA_LABEL, label);
}

/* add_address - @x of the device that was called @was, to device @index, called @is */
static int add_address(struct netlink *nl, const struct address *x, int index, const char *was, const char *is,
		       struct error *err)
{
	static const uint16_t kept[] = { IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST, IFA_ANYCAST, IFA_RT_PRIORITY, IFA_PROTO };
	struct netlink_message m cleanup_netlink_message = { 0 };
	uint32_t flags = flags_of(x);
	struct ifaddrmsg header = x->header;
	header.ifa_index = (unsigned) index;
	header.ifa_flags = (uint8_t) (flags & KEPT_FLAGS);
	netlink_begin(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
	size_t len;
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		const void *data = netlink_find(x->attributes, x->len, kept[i], &len);
		if (data)
			netlink_put(&m, kept[i], data, len);
	}
	netlink_put_u32(&m, IFA_FLAGS, flags & KEPT_FLAGS);
	const void *lifetime = flags & IFA_F_PERMANENT ? NULL : netlink_find(x->attributes, x->len, IFA_CACHEINFO, &len);
	if (lifetime)
		netlink_put(&m, IFA_CACHEINFO, lifetime, len);
	put_label(&m, x, was, is);
	return netlink_request(nl, &m, err);
}

/* ---- the way in ---- */

/* explain - @r when a request was refused; what the privilege is that woody in a user namespace has not got */
static int explain(int r, const char *what, const char *name, struct error *err)
{
	error_wrap(err, "linux.netDevices: %s '%s'", what, name);
	if (r == -EPERM)
		error_hint(err, "it needs CAP_NET_ADMIN over the network namespaces on both sides");
	return r;
}

/* look - at both sides of one device, before any is moved */
static int look(struct netlink *host, struct netlink *inside, struct netdev *d, struct error *err)
{
	struct ifinfomsg link, other;
	int r = get_link(host, d->host, 0, &link, NULL, err);
	if (r == -ENODEV)
		return error_say(err, ENODEV, "linux.netDevices: there is no network device '%s' in the caller's network "
				 "namespace", d->host);
	if (r < 0)
		return explain(r, "look at", d->host, err);
	d->index = link.ifi_index;
	d->up = (link.ifi_flags & IFF_UP) != 0;
	if (is_template(d->wanted))
		return 0;
	r = get_link(inside, d->wanted, 0, &other, NULL, err);
	if (r == 0)
		return error_say(err, EEXIST, "linux.netDevices: the container's network namespace has a device '%s' already; "
				 "give '%s' another name there, or one that ends in %%d", d->wanted, d->host);
	return r == -ENODEV ? 0 : explain(r, "look in the container for", d->wanted, err);
}

/* arrival_name - for a device that gets a template: nobody else has it */
static int arrival_name(struct netdev *d, struct error *err)
{
	uint32_t number[2];
	if (!is_template(d->wanted)) {
		snprintf(d->arrival, sizeof d->arrival, "%s", d->wanted);
		return 0;
	}
	if (getrandom(number, sizeof number, 0) != sizeof number)
		return error_set(err, errno, "get random bytes");
	snprintf(d->arrival, sizeof d->arrival, "w%07x%07x", number[0] & 0xfffffff, number[1] & 0xfffffff);
	return 0;
}

static int settle(struct netlink *inside, struct netdev *d, struct error *err)
{
	struct ifinfomsg link;
	int r = get_link(inside, d->arrival, 0, &link, NULL, err);
	if (r == 0 && is_template(d->wanted))
		r = rename_link(inside, link.ifi_index, d->wanted, err);
	if (r == 0)
		r = get_link(inside, NULL, link.ifi_index, &link, d->name, err);
	for (size_t i = 0; r == 0 && i < d->n_addresses; i++) {
		const struct address *x = &d->addresses[i];
		if (!(flags_of(x) & IFA_F_PERMANENT) || x->header.ifa_scope != RT_SCOPE_UNIVERSE)
			continue;
		r = add_address(inside, x, link.ifi_index, d->host, d->name, err);
		if (r < 0)
			error_wrap(err, "give it its addresses");
	}
	if (r == 0)
		r = set_up(inside, link.ifi_index, err);
	return r;
}

static int move(struct netlink *host, struct netlink *inside, int ns_fd, struct netdev *d, struct error *err)
{
	int r = save_addresses(host, d, err);
	if (r < 0)
		return explain(r, "list the addresses of", d->host, err);
	r = arrival_name(d, err);
	if (r < 0)
		return r;
	d->left = true;
	r = move_link(host, d->index, ns_fd, d->arrival, err);
	if (r < 0)
		return explain(r, "move to the container's network namespace the device", d->host, err);
	r = settle(inside, d, err);
	return r < 0 ? explain(r, "set up in the container the device", d->host, err) : 0;
}

int netdev_move(const struct runtime_spec *spec, int proc_fd, pid_t pid, struct netdevs *ret, struct error *err)
{
	const struct spec_linux *l = spec->linux_;
	struct netlink host cleanup_netlink = NETLINK_INIT, inside cleanup_netlink = NETLINK_INIT;
	char name[32];
	snprintf(name, sizeof name, "%d/ns/net", pid);
	ret->host_fd = openat(proc_fd, "self/ns/net", O_RDONLY | O_CLOEXEC);
	ret->ns_fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (ret->host_fd < 0 || ret->ns_fd < 0)
		return error_set(err, errno, "linux.netDevices: open the network namespaces");
	int r = netlink_open(NETLINK_ROUTE, -1, &host, err);
	if (r == 0)
		r = netlink_open(NETLINK_ROUTE, ret->ns_fd, &inside, err);
	if (r < 0)
		return error_wrap(err, "linux.netDevices");

	ret->list = xcalloc(l->n_net_devices, sizeof *ret->list);
	ret->n = l->n_net_devices;
	for (size_t i = 0; r == 0 && i < ret->n; i++) {
		ret->list[i].host = l->net_devices[i].host_name;
		ret->list[i].wanted = wanted_name(&l->net_devices[i]);
		r = look(&host, &inside, &ret->list[i], err);
	}
	for (size_t i = 0; r == 0 && i < ret->n; i++)
		r = move(&host, &inside, ret->ns_fd, &ret->list[i], err);
	return r;
}

/* ---- the way back ---- */

/* bring_back - under whichever name it is there */
static int bring_back(struct netlink *inside, int host_fd, const struct netdev *d, struct error *err)
{
	const char *const names[] = { d->name, d->arrival, d->host };
	struct ifinfomsg link;
	int r = -ENODEV;
	for (size_t i = 0; r == -ENODEV && i < sizeof names / sizeof *names; i++)
		if (*names[i])
			r = get_link(inside, names[i], 0, &link, NULL, err);
	return r < 0 ? r : move_link(inside, link.ifi_index, host_fd, d->host, err);
}

static int restore(struct netlink *host, struct netlink *inside, int host_fd, const struct netdev *d, struct error *err)
{
	struct ifinfomsg link;
	if (get_link(host, d->host, 0, &link, NULL, NULL) == 0 && link.ifi_index == d->index)
		return 0;	/* it had not left */
	int r = bring_back(inside, host_fd, d, err);
	if (r == 0)
		r = get_link(host, d->host, 0, &link, NULL, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < d->n_addresses; i++) {
		struct error why = { 0 };
		int added = add_address(host, &d->addresses[i], link.ifi_index, d->host, d->host, &why);
		if (added < 0 && added != -EEXIST)
			log_warn("give the network device '%s' its addresses back: %s", d->host, why.text);
	}
	return d->up ? set_up(host, link.ifi_index, err) : 0;
}

void netdev_restore(struct netdevs *d)
{
	struct netlink host cleanup_netlink = NETLINK_INIT, inside cleanup_netlink = NETLINK_INIT;
	struct error err = { 0 };
	bool any = false;
	for (size_t i = 0; i < d->n; i++)
		any |= d->list[i].left;
	if (!any)
		return;
	int r = netlink_open(NETLINK_ROUTE, -1, &host, &err);
	if (r == 0)
		r = netlink_open(NETLINK_ROUTE, d->ns_fd, &inside, &err);
	if (r < 0)
		log_warn("bring the network devices back: %s", err.text);
	/* in the reverse order, so that a name that one gave up is free when its owner comes */
	for (size_t i = d->n; r == 0 && i-- > 0;)
		if (d->list[i].left && restore(&host, &inside, d->host_fd, &d->list[i], &err) < 0)
			log_warn("bring the network device '%s' back: %s", d->list[i].host, err.text);
}

void netdev_done(struct netdevs *d)
{
	close_fd(&d->host_fd);
	close_fd(&d->ns_fd);
	for (size_t i = 0; i < d->n; i++) {
		for (size_t k = 0; k < d->list[i].n_addresses; k++)
			free(d->list[i].addresses[k].attributes);
		free(d->list[i].addresses);
	}
	cleanup_freep(&d->list);
	*d = (struct netdevs) NETDEVS_INIT;
}
