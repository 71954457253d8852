/* networks_impl.h - what reading definitions (networks.c) and making them (networks_make.c) share. */
#pragma once
#include "networks.h"

extern const struct json_type network_record_type;
/* networks_open - ROOT/networks; as named_open() */
int networks_open(const struct carrier *c, bool make, struct named *ret, struct error *err);
