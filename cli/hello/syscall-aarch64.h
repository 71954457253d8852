/* syscall-aarch64.h - how hello enters and leaves the kernel on aarch64; see syscall(2). */
#pragma once

static inline long sys(long nr, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
}

/* The kernel starts a program with argc on top of the stack, which it has aligned. */
__asm__(".text\n"
	".globl _start\n"
	".type _start, %function\n"
	"_start:\n"
	"	mov x29, #0\n"		/* ends the chain of frames, for debuggers */
	"	mov x30, #0\n"
	"	mov x0, sp\n"
	"	bl hello_main\n"
	"	brk #1\n"		/* hello_main does not return */
	".size _start, . - _start\n");
