/* mounts.h - what is mounted in a container: the options that say so, and what its record keeps of them.
 *
 *	mounts_to_record()	options to record.mounts and record.files; nothing is made: every mistake in a word is found here
 *	mounts_settle()		volumes are made or found, images found, missing sources made, --volumes-from and the image's VOLUMEs added,
 *				conflicts named, and all of it sorted so that parents come first
 *	volume_drop()		after a failure behind mounts_settle(): the anonymous volumes go (../volume/volume.h)
 * At every start: mount_stage.h.
 *
 * Decisions where docker and podman differ: a source that is not there is made (a directory) for --volume and is an error for --mount, as
 * docker's. --read-only mounts nothing over /run and /tmp, as docker's; --read-only-tmpfs does, as podman's. What a container writes over an
 * overlay mount (O) is thrown away when it ends, as podman's.
 */
#pragma once
#include "command.h"
#include "json.h"
#include <stdbool.h>

struct carrier;
struct image;
struct record;

/* struct record_mount - @type is bind, volume, tmpfs, image or devpts */
struct record_mount {
	char *type, *source, *destination;	/* source: absolute; of a volume its _data; of an image its id */
	char **options;			/* as the runtime's */
	char *name;			/* the volume's; or the image's, as it was given */
	char *fs;			/* of a volume with driver options that is no bind: the file system's type */
	char *subpath;			/* in the volume or image; resolved beneath it at every start */
	char **lowerdirs;		/* of an image, as record.lowerdirs */
	char **uid_map, **gid_map;	/* idmap: "FROM TO SIZE"; NULL: as the container's user namespace */
	char *upper_dir, *work_dir;	/* overlay: the caller's own, kept */
	bool anonymous;			/* the volume was made for this container */
	bool no_copy;			/* a new volume stays empty */
	bool idmap;
	bool chown;			/* U: everything in it belongs to the container's user */
	bool overlay;			/* O: what is written goes elsewhere, and is gone when the container ends */
	bool writable;			/* of an image: the same */
	/* of a request only, not kept */
	bool make_source;
	struct json_map labels, driver_options;
};
extern const struct json_type record_mount_type;

/* struct record_secret - of --secret; its value is nowhere but in ROOT/secrets and in the container */
struct record_secret {
	char *name, *id;
	char *target;			/* absolute path, or the variable's name */
	bool env;
	uint32_t uid, gid, mode;
};

struct record_files {
	struct record_secret *secrets;
	size_t n_secrets;
	bool no_hosts, no_hostname;
};
extern const struct json_type record_files_type;

struct mounts_options {
	struct strings volumes, mounts, tmpfs, volumes_from, secrets;
	char *image_volume;
	bool read_only_tmpfs, no_hosts, no_hostname;
};
enum { MOUNTS_OPTION_ROWS_N = 9 };
#define MOUNTS_OPTION_ROWS(T, m) \
	OPTION(T, m.volumes, 'v', "volume", "[SOURCE:]DIR[:OPTIONS]", \
	       "mount a directory or file of the host, or a volume by name, or a new one (options: ro, U, O, nocopy, ...)"), \
	OPTION(T, m.mounts, 0, "mount", "KEY=VALUE,...", \
	       "mount by words: type=bind, volume, tmpfs, image or devpts; source=, target=, readonly and more"), \
	OPTION(T, m.tmpfs, 0, "tmpfs", "DIR[:OPTIONS]", "mount a file system in memory (options: size=, mode=, ro, exec, ...)"), \
	OPTION(T, m.volumes_from, 0, "volumes-from", "CONTAINER[:ro|rw]", "mount what is mounted in another container"), \
	OPTION(T, m.image_volume, 0, "image-volume", "anonymous|tmpfs|ignore", "what the image's VOLUMEs become (default: anonymous volumes)"), \
	OPTION(T, m.read_only_tmpfs, 0, "read-only-tmpfs", NULL, "with --read-only: file systems in memory on /run, /tmp and /var/tmp"), \
	OPTION(T, m.secrets, 0, "secret", "NAME[,target=PATH,...]", \
	       "show a secret as a file below /run/secrets, or (type=env) in a variable; also uid=, gid=, mode="), \
	OPTION(T, m.no_hosts, 0, "no-hosts", NULL, "leave /etc/hosts as the image has it"), \
	OPTION(T, m.no_hostname, 0, "no-hostname", NULL, "leave /etc/hostname as the image has it")

/* mounts_to_record - @pool owns what @ret receives: mounts, n_mounts and files */
int mounts_to_record(const struct mounts_options *o, struct pool *pool, struct record *ret, struct error *err);

/* struct mounts_held - keeps what was found from being removed until the record is saved */
struct mounts_held { int volumes_fd, store_fd; };
#define MOUNTS_HELD_NONE { -1, -1 }
void mounts_release(struct mounts_held *h);
#define cleanup_mounts_held __attribute__((cleanup(mounts_release)))

/* mounts_settle - @record: what mounts_to_record() filled, with its id. @image: NULL with --rootfs */
int mounts_settle(const struct carrier *c, const struct mounts_options *o, const struct image *image, struct pool *pool,
		  struct record *record, struct mounts_held *held, struct error *err);

/* mounts_have - is something mounted exactly at @destination? */
bool mounts_have(const struct record *r, const char *destination);
bool mount_is_read_only(const struct record_mount *m);
