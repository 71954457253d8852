/* The group `system`: what concerns all images and containers at once. */
#include "../carrier.h"

static const struct command *const commands[] = {
	&command_system_check,
	&command_system_df,
	&command_system_info,
	&command_system_prune,
	&command_system_reset,
	&command_system_share,
	NULL,
};

const struct command command_system = {
	.name = "system", .summary = "look after the store: its size, its state, what is not needed", .sub = commands,
};
