/* instructions.h - `--change` of commit, import and snapshot: one instruction of a Dockerfile, applied to an image's settings.
 *
 *	CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR
 * in docker's spelling, in any case; podman's KEYWORD=VALUE for those with one value is understood, too. Variables are not expanded. Pure.
 */
#pragma once
#include "documents.h"

/* instruction_apply - @settings are changed; new strings are in @pool. -EINVAL with a sentence that names the instruction */
int instruction_apply(struct image_settings *settings, const char *text, struct pool *pool, struct error *err);
