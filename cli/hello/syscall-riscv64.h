/* syscall-riscv64.h - how hello enters and leaves the kernel on riscv64; see syscall(2). */
#pragma once

static inline long sys(long nr, long a, long b, long c, long d)
{
	register long a7 __asm__("a7") = nr;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;

	__asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3) : "memory");
	return a0;
}

/* The kernel starts a program with argc on top of the stack, which it has aligned. */
__asm__(".text\n"
	".globl _start\n"
	".type _start, @function\n"
	"_start:\n"
	/* the linker addresses small data relative to gp, and only this instruction pair may not use it */
	"	.option push\n"
	"	.option norelax\n"
	"	la gp, __global_pointer$\n"
	"	.option pop\n"
	"	li s0, 0\n"		/* ends the chain of frames, for debuggers */
	"	li ra, 0\n"
	"	mv a0, sp\n"
	"	call hello_main\n"
	"	ebreak\n"		/* hello_main does not return */
	".size _start, . - _start\n");
