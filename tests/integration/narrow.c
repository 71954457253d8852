/* narrow - mkdir(2) of /dev/shm/narrow as a program of x86 (-m32) or x32 (-mx32), without any library: a machine that
 * runs the tests need not have those. The exit code is the errno, 0 when it worked, and 99 when the call got an errno that
 * says that the kernel has no such architecture (x32 is a kernel option).
 */
#ifdef __x86_64__ /* x32 */
enum { X32 = 0x40000000, MKDIR = X32 + 83, EXIT = X32 + 231 };

static long call(long nr, long a, long b)
{
	long r;
	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return r;
}
#else
enum { MKDIR = 39, EXIT = 252 };

static long call(long nr, long a, long b)
{
	long r;
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b) : "memory");
	return r;
}
#endif

void _start(void);
void _start(void)
{
	static const char path[] = "/dev/shm/narrow";
	long r = call(MKDIR, (long) path, 0777);
	for (;;)
		call(EXIT, -r, 0);
}
