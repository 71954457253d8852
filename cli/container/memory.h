/* memory.h - giving back what a process that has done most of its work does not need any more. */
#pragma once

/* RESTING - of the functions that run while nothing happens: they are put beside one another, so that few pages of code are read again.
 * (The kernel maps 64 KiB around each page that is touched.) */
#define RESTING __attribute__((hot))

/* memory_give_back - the free heap, the stack below us, and every page of code and constants: the kernel reads the few that are used
 * again from the page cache. The process does not notice; its proportional memory is a third of what it was. madvise(2) */
void memory_give_back(void);
