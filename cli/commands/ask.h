/* ask.h - a question before something is removed. */
#pragma once
#include "error.h"
#include <stdbool.h>

/* ask - print @text and "Are you sure? [y/N]" on the terminal, read the answer; nothing with @force
 * Return: 1: yes; 0: no; -EINVAL with a sentence when stdin is no terminal: nobody is there who could answer */
int ask(bool force, const char *text, struct error *err);
