/* 08: what a killed command leaves where volumes and secrets are (../volume/named.h). The next command that removes one takes it away; who never
 * does that again keeps its room, and of a secret its value. What is just being removed is looked at again for SETTLE_MS before it counts. */
#include "../volume/named.h"
#include "../container/apart.h"
#include "cleanup.h"
#include "doctor.h"
#include "proc.h"
#include <string.h>

enum { SETTLE_MS = 1500, PAUSE_US = 100000 };

static int sweep(void *ctx, struct error *err) { return named_sweep(ctx, err); }

/* settle - what is still there after a while */
static int settle(struct doctor *d, const struct named *n, struct strings *ret, struct error *err)
{
	for (;; (void) usleep(PAUSE_US)) {
		strings_done(ret);
		int r = named_leftovers(n, ret, err);
		if (ret->n && !d->patient_until)
			d->patient_until = now_ms() + SETTLE_MS;
		if (r < 0 || ret->n == 0 || now_ms() > d->patient_until)
			return r;
	}
}

/* look_kind - Return: how many things it had to say */
static size_t look_kind(struct doctor *d, const char *kind, const char *noun)
{
	struct named n cleanup_named = NAMED_NONE;
	struct strings list cleanup_strings = { 0 };
	struct error err = { 0 };
	int r = named_open(d->carrier, kind, noun, false, &n, &err);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = settle(d, &n, &list, &err);
	if (r == 0 && list.n && d->fix)
		r = apart_as_owner(d->carrier->rootless, sweep, &n, &err);
	if (r < 0) {
		doctor_error(d, true, &err);
		return 1;
	}
	for (size_t i = 0; i < list.n; i++)
		if (d->fix)
			doctor_fixed(d, "'%s/%s' was of a %s that a killed command was making or removing, and is removed", n.path, list.v[i], noun);
		else
			doctor_warn(d, "carrier doctor --fix", "'%s/%s' is of a %s that a killed command was making or removing", n.path,
				    list.v[i], noun);
	return list.n;
}

static void look(struct doctor *d)
{
	if (look_kind(d, "volumes", "volume") + look_kind(d, "secrets", "secret") == 0)
		doctor_ok(d, "none is half made or half removed");
}

const struct doctor_check doctor_volumes[] = {
	{ "CD0809", "volumes and secrets", look },
	{ NULL, NULL, NULL },
};
