/* push.h - an image, or a list of images, from the store to a registry.
 *
 * Theory of operation. carrier-fetch sends: each blob is handed to it as an fd. A blob that the registry has in that repository is
 * not sent, one that it has in another repository, as the names of the store tell, is mounted from there. All blobs are on their way at
 * once, within a bound; when they are there, the manifests of a list, by digest; the document with the name comes last, so that a
 * name never stands for what is not complete. Documents are sent as they are stored, byte for byte: digests stay.
 *
 * Nothing is written to the store. Blobs that are no longer in it (`system prune --blobs`) have to be in the registry.
 */
#pragma once
#include "names.h"
#include "progress.h"
#include "session.h"

struct push_options {
	enum progress_mode progress;
	bool index_only;		/* of a list: not what it lists */
};

/* push_image - @what to the name @to (its tag)
 * @session: opened for "pull,push" and prepared for @to; started and stopped here. Return: 0; -EINTR when a signal ended it */
int push_image(const struct store *s, struct session *session, const struct named *what, const struct reference *to,
	       const struct push_options *o, struct error *err);
