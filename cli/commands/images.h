/* images.h - `carrier images`, which is `carrier ls --images`, too. */
#pragma once
#include "../carrier.h"

/* images_list - print them; @only: those of this repository or reference, or NULL. Return: the exit code */
int images_list(const struct carrier *c, bool quiet, bool no_trunc, const char *format, const char *only);
