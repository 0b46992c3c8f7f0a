/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/lookup_x86_64.S - dlsym() and dlvsym().
 *
 * RTLD_DEFAULT, RTLD_NEXT and every name that is not ours: a jump to the real function with
 * registers and stack as they came, so that the caller it sees is the program. A name of ours
 * with a real handle goes to rk_lookup_substitute(), to which the caller is an argument.
 */
#define FUNCTION(name)                                                                             \
	.globl name;                                                                               \
	.type name, @function;                                                                     \
	.p2align 4;                                                                                \
	name:

	.text
	.hidden rk_lookup_find
	.hidden rk_lookup_bootstrap
	.hidden rk_lookup_substitute
	.hidden rk_lookup_dlsym
	.hidden rk_lookup_dlvsym

/* Keeps the three arguments over a call; at entry of our functions rsp is 8 off a multiple of
 * 16, so three pushes align the stack. */
	.macro save
	push	%rdi
	.cfi_adjust_cfa_offset 8
	push	%rsi
	.cfi_adjust_cfa_offset 8
	push	%rdx
	.cfi_adjust_cfa_offset 8
	.endm

	.macro restore
	pop	%rdx
	.cfi_adjust_cfa_offset -8
	pop	%rsi
	.cfi_adjust_cfa_offset -8
	pop	%rdi
	.cfi_adjust_cfa_offset -8
	.endm

	.macro lookup real, version
	.cfi_startproc
	endbr64
	lea	1(%rdi), %rax		/* RTLD_NEXT is -1, RTLD_DEFAULT is 0 */
	cmp	$1, %rax
	jbe	2f
	test	%rsi, %rsi
	jz	2f
	cmpb	$'c', (%rsi)
	jne	2f
	cmpb	$'u', 1(%rsi)
	jne	2f
	save
	mov	%rsi, %rdi
	call	rk_lookup_find
	restore
	test	%eax, %eax
	js	2f
	.if	\version == 0
	xor	%edx, %edx
	.endif
	mov	(%rsp), %rcx
	jmp	rk_lookup_substitute
2:
	mov	\real(%rip), %rax
	test	%rax, %rax
	jz	3f
	jmp	*%rax
3:
	save
	call	rk_lookup_bootstrap
	restore
	mov	\real(%rip), %rax
	test	%rax, %rax
	jz	4f
	jmp	*%rax
4:
	ret
	.cfi_endproc
	.endm

FUNCTION(dlsym)
	lookup	rk_lookup_dlsym, 0
	.size dlsym, . - dlsym

FUNCTION(dlvsym)
	lookup	rk_lookup_dlvsym, 1
	.size dlvsym, . - dlvsym

	.section .note.GNU-stack, "", @progbits
