/* linger.h - do a user's processes outlive the last logout? loginctl(1), "enable-linger". */
#pragma once
#include "../carrier.h"

enum linger { LINGER_ON, LINGER_OFF, LINGER_NO_LOGIND /* nobody ends anything at a logout */ };
/* linger_state - of the caller, by the files of logind or elogind. @user: NULL, or receives the caller's name, or number in digits; caller frees */
enum linger linger_state(char **user);
/* linger_warn - to be called when a container is to be started again by its policy: one warning where lingering is off */
void linger_warn(const struct carrier *c);
