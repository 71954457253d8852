#include "../carrier.h"
#include "../container/event.h"
#include "../container/linger.h"
#include "../container/monitor.h"
#include "../container/options.h"
#include "../container/port_holder.h"
#include "../container/remove.h"
#include "../image/acquire.h"
#include "../network/named.h"
#include "../network/network.h"
#include "../volume/volume.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include <string.h>

enum { INTERRUPTED = 130 };

/* choose_network - without --network it is private where that can be had; a first container on a fresh machine must not fail
 * for want of a network that it may not need */
static int choose_network(const struct carrier *c, struct record *rec, struct error *err)
{
	struct error why = { 0 };
	struct network_request q = { .mode = rec->network, .ports = rec->networking.ports, .n_ports = rec->networking.n_ports, .dir_fd = -1 };
	bool asked = rec->network || q.n_ports;
	if (!rec->network)
		rec->network = (char *) "private";
	if (rec->networking.n_networks) {
		int r = named_possible(c, rec, err);
		return r == -ENOENT && rec->networking.n_networks == 1 ? network_check(&q, err) : r;	/* a mode that was mistyped, perhaps */
	}
	if (asked)
		return network_check(&q, err);
	if (network_check(&q, &why) < 0) {
		log_warn("the container has no network: %s", why.text);
		rec->network = (char *) "none";
	}
	return 0;
}

/* try_ports - what is taken is said before anything is made; the monitor takes them at every start */
static int try_ports(const struct carrier *c, const struct record *rec, struct pool *pool, struct error *err)
{
	struct port_mappings actual cleanup_ports = { 0 };
	struct port_reservation held cleanup_reservation = { 0 };
	int r = ports_reserve(rec->networking.ports, rec->networking.n_ports, pool, &actual, &held, err);
	return r == -EADDRINUSE ? port_holder_name(c, rec, err) : r;
}

/* replace - --replace: the container that has the name makes room */
static int replace(const struct carrier *c, const struct run_options *o, struct error *err)
{
	struct container old cleanup_container = CONTAINER_NONE;
	struct error why = { 0 };
	if (!o->life.replace)
		return 0;
	if (str_empty(o->name))
		return error_say(err, EINVAL, "--replace: say with --name which container is to be replaced");
	int r = record_find(c, o->name, false, &old, &why);
	if (r == -ENOENT || (r == 0 && !str_eq(old.record.name, o->name)))	/* it was an id's beginning */
		return 0;
	if (r < 0)
		return error_say(err, -r, "%s", why.text);
	return container_remove(c, &old, &(struct remove_how) { .force = true }, err);
}

/* discard - what never ran leaves nothing */
static void discard(const struct carrier *c, struct container *container)
{
	(void) record_remove(c, container, NULL);
	volume_drop(c, container);
}

/* prepare - image and options to a container's record; nothing is started. @starts: it will be at once */
static int prepare(const struct carrier *c, const struct run_options *o, char **args, bool starts, struct container *ret, struct error *err)
{
	struct store s cleanup_store = STORE_INIT;
	struct image image cleanup_image = { 0 };
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct strings lower cleanup_strings = { 0 };
	struct record rec = { 0 };
	struct mounts_held held cleanup_mounts_held = MOUNTS_HELD_NONE;
	cleanup_close int hold = -1, ids = -1;
	enum pull_policy policy = PULL_MISSING;
	const struct pull_options p = { .platform = o->platform, .registry = &o->registry, 
					.progress = o->quiet ? PROGRESS_NONE : PROGRESS_AUTO };
	bool with_image = !o->rootfs;
	int r = o->pull ? pull_policy_parse(o->pull, &policy, err) : 0;
	if (r == 0 && with_image && !args[0])
		return error_say(err, EINVAL, "run: an image is needed, or --rootfs DIR");
	if (r == 0 && with_image) {
		r = store_open(c->root, &s, err);
		if (r == 0)
			r = hold = image_acquire_held(c, &s, args[0], policy, &p, &image, &lower, err);
	}
	if (r >= 0)
		r = options_to_record(o, with_image ? &image : NULL, with_image ? args + 1 : args, &pool, &rec, err);
	if (r == 0)
		r = namespaces_resolve(c, &rec.namespaces, &rec.network, &pool, err);
	if (r == 0)
		r = users_resolve(c, &pool, &rec, err);
	if (r == 0)
		r = choose_network(c, &rec, err);
	if (r == 0 && starts && !o->life.replace)	/* who makes room for it may have them */
		r = try_ports(c, &rec, &pool, err);
	rec.lowerdirs = lower.v;
	if (r == 0)
		r = users_claim(c, &pool, &rec, &ids, err);
	if (r == 0)
		r = replace(c, o, err);
	if (r == 0)
		r = record_new(c, o->name, ret, err);
	if (r < 0)
		return r;
	rec.id = ret->record.id;
	rec.name = ret->record.name;
	rec.created = ret->record.created;
	rec.create_command = c->words;
	if (with_image) {
		rec.image = args[0];
		rec.image_id = image.config_digest;
		rec.manifest = image.manifest_digest;
		rec.storage_driver = c->storage_driver;
	}
	ret->record = rec;
	r = mounts_settle(c, &o->mounts, with_image ? &image : NULL, &pool, &ret->record, &held, err);
	if (r == 0)
		r = record_commit(ret, err);	/* without a status it counts as created; the image and the pool above end here */
	if (r < 0) {
		mounts_release(&held);
		discard(c, ret);
		container_done(ret);	/* it borrows from the pool */
		return r;
	}
	event_container(c, ret, "create", NULL);
	return 0;
}

static int write_id(const char *path, const char *id, struct error *err)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_set(err, errno, "create '%s'", path);
	int r = fs_write_all(fd, id, strlen(id));
	return r < 0 ? error_set(err, -r, "write '%s'", path) : 0;
}

/* wanted_streams - those of --attach, or all */
static unsigned wanted_streams(const struct run_options *o)
{
	unsigned wants = 0;
	for (size_t i = 0; i < o->life.attach.n; i++)
		wants |= str_eq(o->life.attach.v[i], "stdin") ? CLIENT_WANTS_STDIN :
			 str_eq(o->life.attach.v[i], "stdout") ? CLIENT_WANTS_STDOUT : CLIENT_WANTS_STDERR;
	return wants ? wants : CLIENT_WANTS_ALL;
}

/* make - the container, and the file with its id; on failure nothing is left, and the sentence was printed. Return: 0, or an exit code */
static int make(const struct carrier *c, const struct run_options *o, char **args, bool starts, struct container *ret)
{
	struct error err = { 0 };
	int r = prepare(c, o, args, starts, ret, &err);
	if (r == 0 && o->cidfile)
		r = write_id(o->cidfile, ret->record.id, &err);
	if (r >= 0)
		return 0;
	if (ret->dir_fd >= 0)
		discard(c, ret);
	(void) carrier_fail(&err);
	return r == -EINTR ? INTERRUPTED : EXIT_CARRIER;
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct carrier *c = program;
	struct run_options *o = given;
	struct error err = { 0 };
	struct container container cleanup_container = CONTAINER_NONE;
	(void) n_args;
	int code = make(c, o, args, true, &container);
	if (code)
		return code;
	unsigned wants = o->detach ? 0 : wanted_streams(o);
	cleanup_close int socket = monitor_start(c, &container, wants, &err);
	if (socket < 0) {
		discard(c, &container);
		return carrier_fail(&err);
	}
	const struct client_options client = { .wants = wants, .proxy_signals = o->life.sig_proxy, .detach_keys = o->life.detach_keys,
					       .pid_file = o->pidfile };
	code = o->detach ? client_wait_started(socket, o->pidfile, &err) : client_attend(socket, &container, &client, &err);
	if (err.code)
		(void) carrier_fail(&err);
	else if (o->detach)
		puts(container.record.id);
	if (o->detach && code == 0 && restart_policy_of(&container.record.life) != RESTART_NO)
		linger_warn(c);
	return code;
}

static int create(void *program, void *given, char **args, int n_args)
{
	struct container container cleanup_container = CONTAINER_NONE;
	(void) n_args;
	int code = make(program, given, args, false, &container);
	if (code == 0)
		puts(container.record.id);
	return code;
}

const struct command command_create = {
	.name = "create", .arguments = "IMAGE [COMMAND [ARG...]]", .summary = "make a container, and do not start it",
	.description = "Prints its id. `carrier start` runs it. Everything that can be said to `carrier run` but how to attach to it can be said "
		       "here, and holds whenever it is started.",
	.examples = "Made now, started later:\n\tcarrier create --name job busybox sh -c 'sleep 5; exit 3'\n\tcarrier start job",
	.exit_status = "0, or 125 when the container could not be made.",
	.options = run_option_table + RUN_ONLY_OPTIONS, .n_options = RUN_OPTIONS - RUN_ONLY_OPTIONS, .options_size = sizeof(struct run_options),
	.defaults = &run_option_defaults, .min_args = 1, .max_args = -1, .stop_after = 1, .run = create,
};

const struct command command_run = {
	.name = "run", .section = "Containers", .arguments = "IMAGE [COMMAND [ARG...]]", .summary = "run a command in a new container",
	.description = "Fetches the image if it is not in the store. With --rootfs DIR (-f DIR) the directory is the container's root, there is no "
		       "image, and the arguments are the command. The image `hello` comes with carrier.\n\n"
		       "The default network is private: a namespace of its own, connected by a helper that needs no privileges. That is slirp4netns "
		       "(ready within 4 ms), and where ports are published pasta (30 to 60 ms; through a published port it carried 2.0 Gbit/s where slirp4netns "
		       "carried 1.6, on two processors), or the one of both that is installed. The container has "
		       "10.0.2.100, and reaches the host by the host's own address, which host.containers.internal and host.docker.internal are names "
		       "of. What listens only on the host's loopback is out of its reach, unless it is asked for: with --network "
		       "slirp4netns:allow_host_loopback=true or pasta:--map-gw that is 10.0.2.2, and these names lead there.\n\n"
		       "Options of slirp4netns are allow_host_loopback=, cidr=, enable_ipv6=, mtu=, outbound_addr= and outbound_addr6=; "
		       "those of pasta are its own, with commas in between: pasta:-m,1400.\n\n"
		       "Behind a port that is published with -p a service sees its clients' own addresses, with both helpers. slirp4netns publishes for IPv4 "
		       "only, pasta each port of the host at one address only. A client on the host itself that connects to 127.0.0.1 is 127.0.0.1 or "
		       "10.0.2.2. Ports that are left out are chosen at every start, and `carrier port` tells them. Ports below "
		       "net.ipv4.ip_unprivileged_port_start are root's.\n\n"
		       "When a helper ends, it is started again in its place, with the same ports: at once, and when that fails after delays "
		       "that grow to a minute. Until then the container runs on without a network, and `carrier ps` and `carrier inspect` say so.\n\n"
		       "As a service that systemd has sockets for (LISTEN_FDS) carrier passes them to the container.",
	.examples = "A shell in a new container, which is removed when it ends:\n\tcarrier run -it --rm debian:12 bash\n\n"
		    "A service in the background, with its data in a volume:\n"
		    "\tcarrier run -d --name db -v data:/var/lib/postgresql -e POSTGRES_PASSWORD=secret postgres\n\n"
		    "With limits:\n\tcarrier run -d -m 512m --cpus 1.5 app:1\n\n"
		    "A web server at port 8080 of the host, and one that only the host itself reaches, at any free port:\n"
		    "\tcarrier run -d --name web -p 8080:80 nginx\n\tcarrier run -d --name admin -p 127.0.0.1::80 nginx\n\tcarrier port admin 80",
	.exit_status = "The command's own exit code; 128 + n when signal n ended it; 125 when carrier failed, 126 when the command cannot be "
		       "executed, 127 when it is not there.",
	.options = run_option_table, .n_options = RUN_OPTIONS, .options_size = sizeof(struct run_options), .defaults = &run_option_defaults,
	.min_args = 1, .max_args = -1, .stop_after = 1, .run = run,
};
