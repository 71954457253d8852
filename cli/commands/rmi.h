/* rmi.h - what `carrier rmi` does to one image, for `carrier rm`, too. */
#pragma once
#include "../carrier.h"

/* rmi_one - take @word away, and what nothing needs then. Prints what was done. -ENOENT: there is no such image */
int rmi_one(struct carrier *c, const char *word, bool force, struct error *err);
