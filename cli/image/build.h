/* build.h - an image of one layer, from a directory (`snapshot`) or a tar archive (`import`). */
#pragma once
#include "../carrier.h"
#include "make.h"

struct build_options {
	int fd;				/* the directory or the archive */
	bool archive;
	const char *message, *author, *comment;	/* comment: what the history says when there is no message: "Imported from -" */
	char *const *changes;		/* instructions.h; or NULL */
	char *const *names;		/* canonical; or NULL */
	enum layer_compression compression;	/* of a directory's layer; an archive is kept as it came */
	int64_t level;
	const char *platform;		/* OS/ARCH[/VARIANT]; NULL: this machine's */
};

/* build_image - as root of the user's own namespace, in a child; @id: room for 80 */
int build_image(const struct carrier *c, const struct build_options *o, char id[80], struct error *err);
