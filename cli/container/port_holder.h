/* port_holder.h - which container has a port of the host: its helper's name alone says nothing to people. */
#pragma once
#include "record.h"

/* port_holder_name - @err says -EADDRINUSE of one of @r's ports: adds the container that publishes it, when one of ours does
 * Return: -EADDRINUSE */
int port_holder_name(const struct carrier *c, const struct record *r, struct error *err);
