/* A .container file, of which podman's generator makes a unit: podman-systemd.unit(5). What has a key there gets it; the rest is
 * PodmanArgs=, as podman's options are spelled the same. */
#include "created.h"
#include "../image/reference.h"
#include "cleanup.h"
#include "str.h"
#include <string.h>

static const struct { const char *option, *key; } keys[] = {
	{ "add-host", "AddHost" }, { "annotation", "Annotation" }, { "cap-add", "AddCapability" }, { "cap-drop", "DropCapability" },
	{ "device", "AddDevice" }, { "dns", "DNS" }, { "dns-option", "DNSOption" }, { "dns-search", "DNSSearch" }, { "entrypoint", "Entrypoint" },
	{ "expose", "ExposeHostPort" }, { "ip", "IP" }, { "ip6", "IP6" }, { "network-alias", "NetworkAlias" }, { "publish", "PublishPort" },
	{ "env", "Environment" }, { "env-file", "EnvironmentFile" }, { "group-add", "GroupAdd" }, { "health-cmd", "HealthCmd" },
	{ "health-interval", "HealthInterval" }, { "health-on-failure", "HealthOnFailure" }, { "health-retries", "HealthRetries" },
	{ "health-start-period", "HealthStartPeriod" }, { "health-timeout", "HealthTimeout" }, { "hostname", "HostName" }, { "init", "RunInit" },
	{ "label", "Label" }, { "log-driver", "LogDriver" }, { "log-opt", "LogOpt" }, { "mount", "Mount" }, { "network", "Network" },
	{ "pids-limit", "PidsLimit" }, { "pull", "Pull" }, { "read-only", "ReadOnly" }, { "read-only-tmpfs", "ReadOnlyTmpfs" },
	{ "rootfs", "Rootfs" },
	{ "secret", "Secret" }, { "shm-size", "ShmSize" }, { "stop-signal", "StopSignal" }, { "stop-timeout", "StopTimeout" }, { "sysctl", "Sysctl" },
	{ "tmpfs", "Tmpfs" }, { "tz", "Timezone" }, { "ulimit", "Ulimit" }, { "user", "User" }, { "userns", "UserNS" }, { "volume", "Volume" },
	{ "workdir", "WorkingDir" },
};

/* what the unit says otherwise, or podman does of itself */
static const char *const left_out[] = { "detach", "rm", "cidfile", "pidfile", "replace", "restart", "sig-proxy", "detach-keys", "attach",
	"interactive", "tty", "name", "quiet", "tls-verify", "cert-dir", "authfile", "creds", "init-path", NULL };

static const char *key_of(const char *option)
{
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (str_eq(keys[i].option, option))
			return keys[i].key;
	return NULL;
}

/* key_value - a line of the file: of some keys the value is a list of words, which are quoted */
static void key_value(struct buf *b, const char *key, const char *value)
{
	bool words = str_eq(key, "Environment") || str_eq(key, "Label") || str_eq(key, "Annotation") || str_eq(key, "PodmanArgs");
	buf_printf(b, "%s=", key);
	if (words)
		unit_word(b, value);
	else
		for (; *value; value++)
			buf_printf(b, *value == '%' ? "%%%%" : *value == '\n' ? "\\n" : "%c", *value);
	buf_putc(b, '\n');
}

/* user_and_group - "USER:GROUP" has two keys */
static void user_and_group(struct buf *b, const char *value)
{
	size_t n = strcspn(value, ":");
	buf_printf(b, "User=%.*s\n", (int) n, value);
	if (value[n])
		buf_printf(b, "Group=%s\n", value + n + 1);
}

static void one_option(struct buf *b, const struct created_option *o)
{
	const char *key = key_of(o->name);
	if (str_eq(o->name, "user"))
		user_and_group(b, o->value);
	else if (str_eq(o->name, "security-opt") && str_eq(o->value, "no-new-privileges"))
		buf_puts(b, "NoNewPrivileges=true\n");
	else if (str_eq(o->name, "network") && str_eq(o->value, "private"))
		return;		/* podman's default */
	else if (key)
		key_value(b, key, o->value);
	else {
		cleanup_free char *word = o->flag && str_eq(o->value, "true") ? xasprintf("--%s", o->name) : xasprintf("--%s=%s", o->name, o->value);
		key_value(b, "PodmanArgs", word);
	}
}

/* image_line - whole, since podman's short names may be others */
static int image_line(struct buf *b, const char *image, struct pool *pool, struct error *err)
{
	struct reference ref;
	int r = reference_parse(image, pool, &ref, err);
	if (r < 0)
		return r;
	buf_printf(b, "Image=%s/%s%s%s\n", ref.registry, ref.path, ref.digest ? "@" : ":", ref.digest ? ref.digest : ref.tag ? ref.tag : "latest");
	return 0;
}

/* restart_of - systemd's word for the container's policy */
static const char *restart_of(const struct container *c)
{
	switch (restart_policy_of(&c->record.life)) {
	case RESTART_ALWAYS:
	case RESTART_UNLESS_STOPPED: return "always";	/* systemd itself does not start what was stopped */
	case RESTART_ON_FAILURE: return "on-failure";
	case RESTART_NO: break;
	}
	return "no";
}

int unit_quadlet(const struct carrier *carrier, const struct container *c, const struct unit_options *o, char **ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct buf b cleanup_buf = { 0 }, exec cleanup_buf = { 0 };
	struct created made;
	int r = created_read(c, &pool, &made, err);
	if (r < 0)
		return r;
	const struct record *rec = &c->record;
	buf_printf(&b, "# made by `carrier generate quadlet %s`\n[Unit]\nDescription=Container %s\n\n[Container]\n", rec->name, rec->name);
	char **command = made.args;
	if (!rec->rootfs) {
		r = image_line(&b, made.args[0] ? made.args[0] : rec->image, &pool, err);
		command += made.args[0] != NULL;
	}
	if (r < 0)
		return r;
	buf_printf(&b, "ContainerName=%s\n", rec->name);
	for (size_t i = 0; i < made.n; i++)
		if (!strings_have((char *const *) left_out, made.options[i].name))
			one_option(&b, &made.options[i]);
	for (; *command; command++)
		unit_word(&exec, *command);
	if (exec.len)
		buf_printf(&b, "Exec=%s\n", exec.data);
	buf_printf(&b, "\n[Service]\nRestart=%s\n\n[Install]\nWantedBy=%s\n", o->restart ? o->restart : restart_of(c),
		   carrier->rootless ? "default.target" : "multi-user.target");
	*ret = buf_take(&b);
	return 0;
}
