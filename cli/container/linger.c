#include "linger.h"
#include "cleanup.h"
#include "fs.h"
#include "idmap.h"
#include "log.h"
#include "mem.h"
#include <fcntl.h>

static char *caller_name(void)
{
	cleanup_free char *text = NULL;
	char *name = NULL;
	if (fs_read_file(AT_FDCWD, "/etc/passwd", 64 << 20, &text, NULL, NULL) == 0)
		name = idmap_user_name(text, getuid());
	return name ? name : xasprintf("%u", getuid());
}

enum linger linger_state(char **user)
{
	cleanup_free char *name = caller_name();
	cleanup_free char *path = xasprintf("/var/lib/systemd/linger/%s", name);
	if (user)
		*user = take_ptr(name);
	if (access(path, F_OK) == 0)
		return LINGER_ON;
	return access("/run/systemd/users", F_OK) == 0 || access("/var/lib/systemd/linger", F_OK) == 0 ? LINGER_OFF : LINGER_NO_LOGIND;
}

void linger_warn(const struct carrier *c)
{
	cleanup_free char *user = NULL;
	if (!c->rootless || c->nested || linger_state(&user) != LINGER_OFF)
		return;
	log_warn("lingering is off for %s: the container ends with the last logout, and nothing starts it again at boot; run "
		 "`loginctl enable-linger %s`",
		 user, user);
}
