/* layers.h - getting an image's layers into the store, all at once: the part that pull and its repetition from blobs share. */
#pragma once
#include "documents.h"
#include "progress.h"
#include "session.h"
#include "store.h"
#include "unfinished.h"
#include <signal.h>

struct layers_source {
	struct session *session;	/* started; NULL: blobs must be in the store */
	struct fetcher *fetcher;	/* the session's, or NULL */
	const struct reference *ref;
	enum progress_mode progress;
	int signal_fd;			/* layers_signals(): readable when we are to stop; -1: nobody asks */
};

/* layers_signals - block SIGINT, SIGTERM and SIGHUP, and receive them by the returned fd; @was: the mask to go back to */
int layers_signals(sigset_t *was, struct error *err);
/* layers_interrupted - @signal_fd was readable. Return: -EINTR, with the sentence */
int layers_interrupted(int signal_fd, struct error *err);
/* layers_may_go_on - did what failed with @r break off (a connection, a signal), so that another try can go on from what is there? Else
 * it is the image that is wrong, or the disk that is full, and no part of it is worth keeping. */
bool layers_may_go_on(int r);

/* layers_get - every layer of @manifest: unpacked, verified against its diff_id of @config, and renamed into its place
 * One that another pull is at is waited for. Whether there is room for them is looked at before (room.h); limits on what they unpack to are
 * carrier-unpack's. After a failure that layers_may_go_on() the parts of blobs that have arrived stay (layer_place.h), after others nothing
 * unfinished does. Layers that were finished stay anyway: it is the caller who marks them (unfinished.h).
 * Return: 0; -EINTR when a signal came; -ENOENT when a blob is missing and nothing can be fetched; else what went wrong first. */
int layers_get(const struct store *s, const struct manifest_document *manifest, const struct image_config *config,
	       const struct layers_source *source, struct error *err);
