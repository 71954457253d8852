/* created.h - a container's command line, read again, so that it can be written as somebody else's configuration.
 *
 * record.create_command has the words as they were given. created_read() takes them apart by the tables that once parsed them: options (each
 * with its row, bundled letters apart, further spellings under the first), and the arguments behind.
 */
#pragma once
#include "../container/record.h"
#include "command.h"

struct created_option { const char *name, *value; bool flag; };	/* the first spelling; a flag's value is "true" or "false" */
struct created {
	struct created_option *global, *options;	/* in front of `run`, and behind it */
	size_t n_global, n;
	char **args;			/* IMAGE COMMAND...; with --rootfs COMMAND... */
};

/* created_read - @pool owns the result, which also borrows from the record. -e NAME gets the value that the variable had then.
 * -ENODATA: the record is older than the command line in it; -EINVAL: it is no `run` or `create` of ours */
int created_read(const struct container *c, struct pool *pool, struct created *ret, struct error *err);
/* created_value - the last value of an option, or NULL */
const char *created_value(const struct created *c, const char *name);
/* created_have - a flag that was given, and not taken back */
bool created_have(const struct created *c, const char *name);

/* unit_word - a word of a command line in a systemd unit: quoted where it has to be, "%" and "$" doubled (systemd.service(5),
 * "COMMAND LINES"); with a blank in front unless the text is empty or ends with "=" or a blank */
void unit_word(struct buf *b, const char *word);

/* ---- what is made of it ---- */

struct unit_options {
	bool new_container;		/* systemd: made anew at each start */
	bool by_name;			/* "container-web", not "container-ID" */
	const char *program;		/* the path of carrier */
	const char *restart;		/* systemd's word; NULL: on-failure, or quadlet: as the container's policy says */
	int64_t stop_time;		/* seconds; -1: the container's */
};

/* unit_systemd, unit_quadlet - the text of the unit; caller frees */
int unit_systemd(const struct carrier *carrier, const struct container *c, const struct unit_options *o, char **ret, struct error *err);
int unit_quadlet(const struct carrier *carrier, const struct container *c, const struct unit_options *o, char **ret, struct error *err);
