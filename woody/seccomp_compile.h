/* seccomp_compile.h - linux.seccomp through libseccomp to BPF: the only part of woody that works with it. */
#pragma once
#include "error.h"
#include "runtime_spec.h"
#include <linux/filter.h>

/* seccomp_compile - @ret: @ret_n instructions, at most BPF_MAXINSNS; caller frees. Errors name the member. */
int seccomp_compile(const struct spec_seccomp *spec, struct sock_filter **ret, unsigned short *ret_n,
		    struct error *err);

/* seccomp_compiler - what the result depends on besides the profile, as one line; @out has room for 96 */
const char *seccomp_compiler(char out[96]);
