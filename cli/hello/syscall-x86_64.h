/* syscall-x86_64.h - how hello enters and leaves the kernel on x86_64; see syscall(2). */
#pragma once

static inline long sys(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long ret;

	/* the instruction itself overwrites rcx and r11 */
	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return ret;
}

/* The kernel starts a program with argc on top of the stack and no return address. */
__asm__(".text\n"
	".globl _start\n"
	".type _start, @function\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"	/* ends the chain of frames, for debuggers */
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"	/* a call expects an aligned stack */
	"	call hello_main\n"
	"	hlt\n"			/* hello_main does not return */
	".size _start, . - _start\n");
