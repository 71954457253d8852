#include "confine.h"
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LANDLOCK_CREATE = 444, CREATE_VERSION = 1 };	/* the same on every architecture; newer than the headers that we may be built with */

/* carrier-unpack is shut into its directories whether there is Landlock or not, and no ABI that there is gives less than this */
const char *confine_lost(void)
{
	if (syscall(LANDLOCK_CREATE, NULL, 0, CREATE_VERSION) >= 0 || (errno != ENOSYS && errno != EOPNOTSUPP))
		return NULL;
	return "this kernel has no Landlock, or it is off (Linux 5.13 has it): carrier-fetch, if a registry took it over, could read the files "
	       "that you can read; what it could change or start is nothing, as before";
}
