/* netdev_check_name and netdev_check: what is refused before anything is made */
#include "../../woody/netdev.h"
#include "tap.h"
#include <sched.h>
#include <unistd.h>

static struct error err;

static int name(const char *text, bool template)
{
	err = (struct error) { 0 };
	return netdev_check_name(text, template, &err);
}

static int check(struct spec_net_device *list, size_t n, int own)
{
	struct spec_linux l = { .net_devices = list, .n_net_devices = n };
	const struct runtime_spec spec = { .linux_ = &l };
	const struct namespaces ns = { .own = own };
	err = (struct error) { 0 };
	return netdev_check(&spec, &ns, &err);
}

int main(void)
{
	OK(name("eth0", false) == 0);
	OK(name("a", false) == 0);
	OK(name("fifteen-letters", false) == 0);
	OK(name("enp0s3.100@x", false) == 0);
	OK(name("...", false) == 0);
	OK(name("sixteen-letters_", false) == -EINVAL && strstr(err.text, "15 characters"));
	OK(name("", false) == -EINVAL && strstr(err.text, "empty"));
	OK(name(".", false) == -EINVAL);
	OK(name("..", false) == -EINVAL);
	OK(name("a/b", false) == -EINVAL && strstr(err.text, "slashes"));
	OK(name("a:b", false) == -EINVAL);
	OK(name("a b", false) == -EINVAL);
	OK(name("a\n", false) == -EINVAL);
	OK(name("a\177", false) == -EINVAL);
	OK(name("eth%d", false) == -EINVAL);
	OK(name("eth%d", true) == 0);
	OK(name("%d", true) == 0);
	OK(name("%deth", true) == -EINVAL && strstr(err.text, "only at the end"));
	OK(name("e%d%d", true) == -EINVAL);
	OK(name("e%s", true) == -EINVAL);
	OK(name("e%", true) == -EINVAL);
	OK(name("sixteen-letter%d", true) == -EINVAL);

	char a[] = "a", b[] = "b", same[] = "same", template[] = "e%d", empty[] = "";
	struct spec_net_device list[2] = { { .host_name = a, .name = same }, { .host_name = b, .name = same } };
	OK(check(list, 2, CLONE_NEWNET) == -EINVAL && strstr(err.text, "both"));
	list[0].name = list[1].name = template;
	OK(check(list, 2, CLONE_NEWNET) == (geteuid() == 0 ? 0 : -EPERM));
	list[0].name = empty;
	list[1].name = a;
	OK(check(list, 2, CLONE_NEWNET) == -EINVAL);	/* one keeps the name that the other gets */
	list[1].name = NULL;
	OK(check(list, 2, CLONE_NEWNET) == (geteuid() == 0 ? 0 : -EPERM));
	OK(check(list, 2, CLONE_NEWNS) == -EINVAL && strstr(err.text, "network namespace"));
	OK(check(list, 0, 0) == 0);
	return tap_done();
}
