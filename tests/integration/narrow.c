/* narrow - mkdir(2) of /dev/shm/narrow and exit(2) and nothing else, as a program of x86 (-m32), x32 (-mx32) or x86_64
 * (-m64), without any library: a machine that runs the tests need not have those of the others. The exit code is the
 * call's errno, 0 when it worked.
 */
#ifdef __x86_64__
#ifdef __ILP32__ /* x32 */
enum { NUMBERS = 0x40000000 };
#else
enum { NUMBERS = 0 };
#endif
enum { MKDIR = NUMBERS + 83, EXIT = NUMBERS + 60 };

static long call(long nr, long a, long b)
{
	long r;
	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return r;
}
#else
enum { MKDIR = 39, EXIT = 1 };

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
