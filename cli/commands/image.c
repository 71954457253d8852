/* The group `image`: what can be done with images under the names that docker and podman have for it. */
#include "../carrier.h"

static const struct command *const commands[] = {
	&command_image_exists,
	&command_history,
	&command_image_inspect,
	&command_image_ls,
	&command_image_prune,
	&command_pull,
	&command_push,
	&command_image_rm,
	&command_save,
	&command_load,
	&command_import,
	&command_image_diff,
	&command_image_mount,
	&command_image_unmount,
	&command_tag,
	&command_image_tree,
	&command_untag,
	&command_image_verify,
	NULL,
};

const struct command command_image = { .name = "image", .summary = "manage images", .sub = commands };
