#include "memory_policy.h"
#include "number_list.h"
#include "str.h"
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MPOL_F_NUMA_BALANCING	/* Linux 5.12 */
#define MPOL_F_NUMA_BALANCING (1 << 13)
#endif
enum { PREFERRED_MANY = 5 /* Linux 5.15 */, WEIGHTED_INTERLEAVE = 6 /* 6.9 */ };
enum { NODES_MAX = 1024 };	/* MAX_NUMNODES of the largest kernels: a longer mask is refused */

enum nodes { NONE, SOME, ANY };

static const char *const mode_names[] = {
	"MPOL_DEFAULT", "MPOL_PREFERRED", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED_MANY",
	"MPOL_WEIGHTED_INTERLEAVE", NULL,
};
static const struct { int mode; enum nodes nodes; } modes[] = {	/* in the order of the names */
	{ MPOL_DEFAULT, NONE },	  { MPOL_PREFERRED, ANY },  { MPOL_BIND, SOME },	      { MPOL_INTERLEAVE, SOME },
	{ MPOL_LOCAL, NONE },	  { PREFERRED_MANY, SOME }, { WEIGHTED_INTERLEAVE, SOME },
};

static const char *const flag_names[] = {
	"MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES", "MPOL_F_NUMA_BALANCING", NULL,
};
static const int flags[] = { MPOL_F_STATIC_NODES, MPOL_F_RELATIVE_NODES, MPOL_F_NUMA_BALANCING };

const char *const *memory_policy_modes(void) { return mode_names; }
const char *const *memory_policy_flags(void) { return flag_names; }

static int find(const char *const *names, const char *word)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], word) == 0)
			return i;
	return -1;
}

static int parse_nodes(const struct spec_memory_policy *p, enum nodes wanted, struct number_set *ret, struct error *err)
{
	*ret = (struct number_set) { 0 };
	int r = str_empty(p->nodes) ? 0 : number_list_parse(p->nodes, ret);
	for (size_t w = NODES_MAX / (8 * sizeof(long)); r == 0 && w < sizeof ret->bits / sizeof *ret->bits; w++)
		if (ret->bits[w])
			r = -ERANGE;
	if (r == -ERANGE)
		return error_say(err, ERANGE, "invalid memory policy node: linux.memoryPolicy.nodes '%s' has one beyond %d", p->nodes,
				 NODES_MAX - 1);
	if (r < 0)
		return error_say(err, EINVAL, "invalid memory policy nodes: linux.memoryPolicy.nodes '%s' is not a list of nodes, such as 0-3,7",
				 p->nodes);
	if (wanted == NONE && ret->n)
		return error_say(err, EINVAL, "invalid memory policy: linux.memoryPolicy: %s mode requires 0 nodes but got %zu", p->mode, ret->n);
	if (wanted == SOME && ret->n == 0)
		return error_say(err, EINVAL, "invalid memory policy: linux.memoryPolicy: %s mode requires at least 1 node but got 0", p->mode);
	return 0;
}

static int parse(const struct spec_memory_policy *p, int *ret_mode, struct number_set *ret_nodes, struct error *err)
{
	if (str_empty(p->mode))
		return error_say(err, EINVAL, "invalid memory policy mode: linux.memoryPolicy.mode is missing");
	int m = find(mode_names, p->mode);
	if (m < 0)
		return error_say(err, EINVAL, "invalid memory policy mode: linux.memoryPolicy.mode '%s' is none of the kernel's, such as MPOL_BIND",
				 p->mode);
	*ret_mode = modes[m].mode;
	for (char **f = p->flags; f && *f; f++) {
		int flag = find(flag_names, *f);
		if (flag < 0)
			return error_say(err, EINVAL, "invalid memory policy flag: linux.memoryPolicy.flags: '%s' is none of the kernel's, "
					 "such as MPOL_F_STATIC_NODES", *f);
		*ret_mode |= flags[flag];
	}
	return parse_nodes(p, modes[m].nodes, ret_nodes, err);
}

int memory_policy_check(const struct spec_memory_policy *p, struct error *err)
{
	struct number_set nodes;
	int mode;
	return p ? parse(p, &mode, &nodes, err) : 0;
}

int memory_policy_apply(const struct spec_memory_policy *p, struct error *err)
{
	struct number_set nodes;
	int mode, r = p ? parse(p, &mode, &nodes, err) : 0;
	if (!p || r < 0)
		return r;
	/* maxnode is one more than the bits that count, see the manual page's BUGS */
	if (syscall(SYS_set_mempolicy, mode, nodes.n ? nodes.bits : NULL, nodes.n ? NODES_MAX + 1 : 0) == 0)
		return 0;
	const char *list = str_empty(p->nodes) ? "none" : p->nodes;
	if (errno == EINVAL)
		return error_say(err, EINVAL, "invalid memory policy: the kernel refuses linux.memoryPolicy %s with the nodes %s: it does not know "
				 "the mode or a flag, they contradict each other, or it has none of the nodes", p->mode, list);
	if (errno == ENOSYS)
		return error_say(err, ENOSYS, "linux.memoryPolicy: this kernel has no support for NUMA (CONFIG_NUMA)");
	return error_set(err, errno, "linux.memoryPolicy: set %s with the nodes %s", p->mode, list);
}
