/* Theory of operation. Device rules of v2 are a program that the kernel asks whenever a process of the cgroup opens or makes
 * a device node. It gets type, access, major and minor; 0 refuses. Our list is one in which the last rule that fits counts, for
 * each kind of access by itself: so the program looks at the rules from the last to the first, and keeps in r3 what nobody
 * has allowed yet. A deny rule that fits anything of r3 ends it, and so does r3's becoming empty. What is still there at the end
 * is answered by the base, "deny all" or "allow all".
 *
 *	r2 type	  r3 access that is not settled yet   r4 major   r5 minor   r0 the answer
 *
 * bpf(2), linux/bpf.h (struct bpf_cgroup_dev_ctx). All programs of a cgroup and of those above it must agree, so ours is
 * attached with BPF_F_ALLOW_MULTI beside what systemd may have there, and known by its name.
 */
#include "cleanup.h"
#include "driver.h"
#include "log.h"
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static const char program_name[] = "woody_devices";	/* at most 15 characters */
enum { ATTACHED_MAX = 64, NOTHING_LEFT = -1 };

/* ---- the program ---- */

static struct bpf_insn *emit(struct device_program *p, struct bpf_insn insn)
{
	if (p->n == p->size) {
		p->size = p->size ? p->size * 2 : 64;
		p->v = xreallocarray(p->v, p->size, sizeof *p->v);
	}
	p->v[p->n] = insn;
	return &p->v[p->n++];
}

static void load_word(struct device_program *p, int reg, size_t offset)
{
	emit(p, (struct bpf_insn) { .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = (uint8_t) reg & 15, .src_reg = BPF_REG_1,
				    .off = (int16_t) offset });
}

static void alu(struct device_program *p, int operation, int reg, int32_t value)
{
	emit(p, (struct bpf_insn) { .code = (uint8_t) (BPF_ALU64 | operation | BPF_K), .dst_reg = (uint8_t) reg & 15, .imm = value });
}

static void jump(struct device_program *p, int condition, int reg, int32_t value, int16_t over)
{
	emit(p, (struct bpf_insn) { .code = (uint8_t) (BPF_JMP | condition | BPF_K), .dst_reg = (uint8_t) reg & 15, .imm = value,
				    .off = over });
}

static void answer(struct device_program *p, bool allow)
{
	alu(p, BPF_MOV, BPF_REG_0, allow);
	emit(p, (struct bpf_insn) { .code = BPF_JMP | BPF_EXIT });
}

static int32_t kernel_access(unsigned access)
{
	return (access & DEVICE_READ ? BPF_DEVCG_ACC_READ : 0) | (access & DEVICE_WRITE ? BPF_DEVCG_ACC_WRITE : 0) |
	       (access & DEVICE_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0);
}

static void emit_rule(struct device_program *p, const struct device_write *w)
{
	if (w->major > INT32_MAX || w->minor > INT32_MAX)
		return;		/* no device has such a number */
	const int32_t access = kernel_access(w->access);
	/* what a condition that does not hold jumps over: the other conditions, and the four instructions behind them. It is the
	 * straight way, because the verifier follows that first: it then knows the rest of the program for any device at all,
	 * when it comes to look at those that fit, and need not walk through it once more for each. */
	const int over = 4;
	struct { bool asked; int reg; int32_t value; } conditions[] = {
		{ true, BPF_REG_2, w->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR },
		{ w->major >= 0, BPF_REG_4, (int32_t) w->major },
		{ w->minor >= 0, BPF_REG_5, (int32_t) w->minor },
	};
	int left = 0;
	for (size_t i = 0; i < 3; i++)
		left += conditions[i].asked;
	for (size_t i = 0; i < 3; i++)
		if (conditions[i].asked) {
			jump(p, BPF_JEQ, conditions[i].reg, conditions[i].value, 1);
			jump(p, BPF_JA, 0, 0, (int16_t) (--left * 2 + over));
		}
	if (w->allow) {
		alu(p, BPF_AND, BPF_REG_3, ~access);
		jump(p, BPF_JNE, BPF_REG_3, 0, 2);
	} else {
		jump(p, BPF_JSET, BPF_REG_3, access, 1);
		jump(p, BPF_JA, 0, 0, 2);
	}
	answer(p, w->allow);
}

void device_program(const struct device_plan *plan, struct device_program *ret)
{
	bool has_base = plan->n && plan->v[0].type == 'a';
	*ret = (struct device_program) { 0 };
	load_word(ret, BPF_REG_2, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(ret, (struct bpf_insn) { .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_3, .src_reg = BPF_REG_2 });
	alu(ret, BPF_AND, BPF_REG_2, 0xffff);
	alu(ret, BPF_RSH, BPF_REG_3, 16);
	load_word(ret, BPF_REG_4, offsetof(struct bpf_cgroup_dev_ctx, major));
	load_word(ret, BPF_REG_5, offsetof(struct bpf_cgroup_dev_ctx, minor));
	for (size_t i = plan->n; i > has_base; i--)
		emit_rule(ret, &plan->v[i - 1]);
	answer(ret, has_base ? plan->v[0].allow : true);
}

void device_program_done(struct device_program *p)
{
	free(p->v);
	*p = (struct device_program) { 0 };
}

/* ---- into the kernel ---- */

static int bpf(int command, union bpf_attr *attr)
{
	return (int) syscall(SYS_bpf, command, attr, sizeof *attr);
}

static int load(const struct device_program *p)
{
	union bpf_attr attr = { 0 };
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t) (uintptr_t) p->v;
	attr.insn_cnt = (uint32_t) p->n;
	attr.license = (uint64_t) (uintptr_t) "Apache-2.0";
	memcpy(attr.prog_name, program_name, sizeof program_name);
	int fd = bpf(BPF_PROG_LOAD, &attr);
	struct rlimit was, none = { RLIM_INFINITY, RLIM_INFINITY };
	if (fd >= 0 || errno != EPERM || getrlimit(RLIMIT_MEMLOCK, &was) < 0 || setrlimit(RLIMIT_MEMLOCK, &none) < 0)
		return fd < 0 ? -errno : fd;
	/* before Linux 5.11 programs count as locked memory, and the usual limit is tiny */
	fd = bpf(BPF_PROG_LOAD, &attr);
	int code = errno;
	(void) setrlimit(RLIMIT_MEMLOCK, &was);
	return fd < 0 ? -code : fd;
}

/* next_of_ours - the next attached program with our name: an fd; NOTHING_LEFT, or -errno (below NOTHING_LEFT) */
static int next_of_ours(const uint32_t *ids, uint32_t n, uint32_t *at)
{
	while (*at < n) {
		union bpf_attr attr = { 0 };
		attr.prog_id = ids[(*at)++];
		cleanup_close int fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
		if (fd < 0)
			continue;	/* detached meanwhile */
		struct bpf_prog_info info = { 0 };
		memset(&attr, 0, sizeof attr);
		attr.info.bpf_fd = (uint32_t) fd;
		attr.info.info_len = sizeof info;
		attr.info.info = (uint64_t) (uintptr_t) &info;
		if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 && strcmp(info.name, program_name) == 0)
			return take_fd(fd);
	}
	return NOTHING_LEFT;
}

static int query(int cgroup_fd, uint32_t ids[ATTACHED_MAX], uint32_t *n)
{
	union bpf_attr attr = { 0 };
	attr.query.target_fd = (uint32_t) cgroup_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uint64_t) (uintptr_t) ids;
	attr.query.prog_cnt = ATTACHED_MAX;
	int r = bpf(BPF_PROG_QUERY, &attr);
	*n = attr.query.prog_cnt < ATTACHED_MAX ? attr.query.prog_cnt : ATTACHED_MAX;
	return r < 0 && errno != ENOSPC ? -errno : 0;
}

/* attach - @old: the program to be replaced, or -1 */
static int attach(int cgroup_fd, int program_fd, int old)
{
	union bpf_attr attr = { 0 };
	attr.target_fd = (uint32_t) cgroup_fd;
	attr.attach_bpf_fd = (uint32_t) program_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI | (old >= 0 ? BPF_F_REPLACE : 0);
	attr.replace_bpf_fd = old >= 0 ? (uint32_t) old : 0;
	return bpf(BPF_PROG_ATTACH, &attr) < 0 ? -errno : 0;
}

static void detach(int cgroup_fd, int program_fd)
{
	union bpf_attr attr = { 0 };
	attr.target_fd = (uint32_t) cgroup_fd;
	attr.attach_bpf_fd = (uint32_t) program_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	(void) bpf(BPF_PROG_DETACH, &attr);
}

int device_program_attach(int cgroup_fd, const struct device_program *p, bool fresh, struct error *err)
{
	uint32_t ids[ATTACHED_MAX], n = 0, at = 0;
	cleanup_close int program = load(p);
	if (program < 0)
		return error_set(err, -program, "load the program for device rules");
	int r = fresh ? 0 : query(cgroup_fd, ids, &n);
	if (r < 0)
		return error_set(err, -r, "look for the present device rules");
	cleanup_close int old = next_of_ours(ids, n, &at);
	r = attach(cgroup_fd, program, old);
	if (r < 0)
		return error_set(err, -r, "attach the program for device rules");
	/* more than one: an update that was killed between two steps */
	for (int more; old >= 0 && (more = next_of_ours(ids, n, &at)) >= 0; close_fd(&more))
		detach(cgroup_fd, more);
	return 0;
}

/* ---- the cgroup's ---- */

/* denies_one - does a rule forbid something in particular? Deny all with exceptions is what everybody's configuration begins
 * with; a user without privileges gets at no device by it that the file's permissions keep from him. */
static bool denies_one(const struct device_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		if (!plan->v[i].allow && plan->v[i].type != 'a')
			return true;
	return false;
}

int v2_devices(struct cgroup *c, const struct spec_resources *r, bool update, bool rootless, struct error *err)
{
	struct hierarchy *h = cgroup_for(c, "");
	struct device_plan plan CLEANUP(device_plan_done) = { 0 };
	struct device_program program CLEANUP(device_program_done) = { 0 };
	bool fresh = h && !update && !h->existed;
	int ret = devices_plan(r->devices, r->n_devices, fresh || !h, &plan, err);
	if (ret < 0 || plan.n == 0)
		return ret;
	struct error why = { .code = EACCES, .text = "the container has no cgroup of its own" };
	ret = h ? 0 : -EACCES;
	if (h) {
		cleanup_close int own_fd = h->join_fd < 0 ? open(h->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
		device_program(&plan, &program);
		ret = device_program_attach(h->join_fd < 0 ? own_fd : h->join_fd, &program, fresh, &why);
	}
	if (ret == 0)
		return 0;
	if (!rootless && r->n_devices && device_rules_restrict(r->devices, r->n_devices))
		return error_say(err, -ret, "linux.resources.devices: %s; without CAP_BPF and CAP_SYS_ADMIN, or a kernel with "
				 "CONFIG_CGROUP_BPF, leave device rules out", why.text);
	if (denies_one(&plan) || !rootless)
		log_warn("linux.resources.devices is not enforced: %s; what the file permissions allow is allowed", why.text);
	else
		log_debug("device rules are not set: %s", why.text);
	return 0;
}
