/* The group `image`: what can be done with images under the names that docker and podman have for it. */
#include "../carrier.h"

static const struct command *const commands[] = {
	&command_image_inspect,
	&command_image_ls,
	&command_pull,
	&command_image_rm,
	NULL,
};

const struct command command_image = { .name = "image", .summary = "manage images", .sub = commands };
