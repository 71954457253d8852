/* holder_impl.h - what being a member (holder.c) and being the holder (holder_life.c) share. */
#pragma once
#include "holder.h"

/* struct holder_made - what a holder begins with; all fds are inherited */
struct holder_made {
	const struct carrier *carrier;
	int dir_fd, lock_fd, members_fd;	/* of RUNROOT/network; members_fd is the reading end */
	int user_fd, net_fd;			/* U and N where they are to be taken over; -1: they are made */
	int answer_fd;				/* a struct error when it is there, and one when its helper is ready */
	bool world;
};
/* holder_live - in the process that is to be the holder */
_Noreturn void holder_live(struct holder_made *made);
extern const struct json_type holder_state_type;
/* holder_lock - of RUNROOT/network. Return: the fd */
int holder_lock(int dir_fd, struct error *err);
#define HOLDER_STATE "holder.json"
