#include "memory.h"
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STACK_BELOW = 1 << 20, STACK_KEPT = 8192 };

/* drop_segment - pages of a file that are not written to are the same when they are read again */
RESTING static void drop_segment(const struct dl_phdr_info *info, const ElfW(Phdr) *h, uintptr_t page)
{
	uintptr_t start = (info->dlpi_addr + h->p_vaddr + page - 1) & ~(page - 1), end = (info->dlpi_addr + h->p_vaddr + h->p_memsz) & ~(page - 1);
	if (end > start)
		(void) madvise((void *) start, end - start, MADV_DONTNEED);
}

RESTING static int drop_object(struct dl_phdr_info *info, size_t size, void *page)
{
	(void) size;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && !(info->dlpi_phdr[i].p_flags & PF_W))
			drop_segment(info, &info->dlpi_phdr[i], *(uintptr_t *) page);
	return 0;
}

RESTING void memory_give_back(void)
{
	uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE), here = (uintptr_t) __builtin_frame_address(0);
	(void) malloc_trim(0);
	(void) dl_iterate_phdr(drop_object, &page);
	/* the stack was deeper once; below the red zone and the frames of the calls above it holds nothing. It may be mapped less far down
	 * than this: what is there is dropped before ENOMEM is said */
	uintptr_t top = (here - STACK_KEPT) & ~(page - 1);
	for (uintptr_t at = top - page; at > top - STACK_BELOW; at -= page)
		if (madvise((void *) at, page, MADV_DONTNEED) < 0)
			break;
}
