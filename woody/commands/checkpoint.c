#include "../checkpoint.h"
#include "../woody.h"

struct checkpoint_options { struct checkpoint_request q; };
static const struct checkpoint_options defaults = { .q.status_fd = -1 };

static const struct option_def options[] = {
	OPTION(struct checkpoint_options, q.settings.image_path, 0, "image-path", "DIR", "save the images here (default: ./checkpoint)"),
	OPTION(struct checkpoint_options, q.settings.work_path, 0, "work-path", "DIR", "CRIU's log goes here (default: where the images are)"),
	OPTION(struct checkpoint_options, q.parent_path, 0, "parent-path", "DIR",
	       "save only what has changed since this --pre-dump; relative to the images' directory"),
	OPTION(struct checkpoint_options, q.leave_running, 0, "leave-running", NULL, "the container goes on afterwards"),
	OPTION(struct checkpoint_options, q.settings.tcp_established, 0, "tcp-established", NULL, "with open TCP connections"),
	OPTION(struct checkpoint_options, q.tcp_skip_in_flight, 0, "tcp-skip-in-flight", NULL, "leave out TCP connections that are being made"),
	OPTION(struct checkpoint_options, q.settings.ext_unix_sk, 0, "ext-unix-sk", NULL, "with UNIX sockets that lead out of the container"),
	OPTION(struct checkpoint_options, q.settings.shell_job, 0, "shell-job", NULL, "with a terminal of the caller's"),
	OPTION(struct checkpoint_options, q.settings.lazy_pages, 0, "lazy-pages", NULL,
	       "leave memory to a page server, from which a restore gets it when it is used"),
	OPTION(struct checkpoint_options, q.status_fd, 0, "status-fd", "N", "write a NUL byte to this fd once the page server of --lazy-pages is ready"),
	OPTION(struct checkpoint_options, q.page_server, 0, "page-server", "ADDRESS:PORT", "send memory there; with --lazy-pages, serve it there"),
	OPTION(struct checkpoint_options, q.settings.file_locks, 0, "file-locks", NULL, "with file locks"),
	OPTION(struct checkpoint_options, q.pre_dump, 0, "pre-dump", NULL, "save only the memory; the container goes on"),
	OPTION(struct checkpoint_options, q.settings.cgroups_mode, 0, "manage-cgroups-mode", "soft|full|strict|ignore",
	       "what is saved of cgroups (default: soft)"),
	OPTION(struct checkpoint_options, q.settings.empty_ns, 0, "empty-ns", "network", "do not save what is in this namespace"),
	OPTION(struct checkpoint_options, q.settings.auto_dedup, 0, "auto-dedup", NULL, "remove from the parent's images what is saved anew"),
	OPTION(struct checkpoint_options, q.link_remap, 0, "link-remap", NULL, "with open files that have been deleted, by linking them"),
};

static int run(void *program, void *given, char **args, int n_args)
{
	struct woody *w = program;
	struct checkpoint_options *o = given;
	struct error err = { 0 };
	struct container c cleanup_container = CONTAINER_INIT;
	(void) n_args;
	int r = container_load(w->root, args[0], &c, &err);
	if (r == 0)
		r = checkpoint_save(&c, &o->q, w->criu, &err);
	if (r == 0 && !o->q.leave_running && !o->q.pre_dump) {
		r = container_kill_all(&c, &err);	/* criu has ended them; those that have not gone yet are waited for */
		if (r == 0)
			r = container_destroy(&c, &err);
	}
	return r < 0 ? fail(w, "checkpoint", &err) : 0;
}

const struct command command_checkpoint = {
	.name = "checkpoint", .arguments = "CONTAINER-ID", .summary = "save a running container to files, and end it",
	.description = "CRIU saves the processes with their memory, files and namespaces as images, from which `restore` brings the container back, "
		       "here or on another machine. The container is deleted then, unless --leave-running or --pre-dump say otherwise. When it cannot be "
		       "saved, it goes on as if nothing had happened, and the log dump.log says why.\n\n"
		       "The file system, what is bound into it, and what 0, 1 and 2 lead to outside are not saved. The annotation "
		       "org.criu.config names a configuration file of CRIU, whose settings go before these; without it /etc/criu/woody.conf or "
		       "/etc/criu/runc.conf is read.",
	.see_also = "criu(8)",
	.defaults = &defaults, OPTIONS(struct checkpoint_options, options), .min_args = 1, .max_args = 1, .run = run,
};
