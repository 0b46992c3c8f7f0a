/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/lookup_aarch64.S - dlsym() and dlvsym(); the twin of the x86-64 file.
 *
 * RTLD_DEFAULT, RTLD_NEXT and every name that is not ours: a branch to the real function with
 * registers and stack as they came. A name of ours with a real handle goes to
 * rk_lookup_substitute(), to which the caller (the link register) is an argument.
 */
#define FUNCTION(name)                                                                             \
	.globl name;                                                                               \
	.type name, %function;                                                                     \
	.p2align 4;                                                                                \
	name:

	.text
	.hidden rk_lookup_find
	.hidden rk_lookup_bootstrap
	.hidden rk_lookup_substitute
	.hidden rk_lookup_dlsym
	.hidden rk_lookup_dlvsym

/* Keeps the three arguments and the link register over a call. */
	.macro save
	stp	x29, x30, [sp, #-48]!
	.cfi_adjust_cfa_offset 48
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	mov	x29, sp
	stp	x0, x1, [sp, #16]
	str	x2, [sp, #32]
	.endm

	.macro restore
	ldr	x2, [sp, #32]
	ldp	x0, x1, [sp, #16]
	ldp	x29, x30, [sp], #48
	.cfi_adjust_cfa_offset -48
	.cfi_restore x29
	.cfi_restore x30
	.endm

/* x16 = the real function */
	.macro load_real real
	adrp	x16, \real
	ldr	x16, [x16, :lo12:\real]
	.endm

	.macro lookup real, version
	.cfi_startproc
	hint	#34			/* bti c */
	add	x9, x0, #1		/* RTLD_NEXT is -1, RTLD_DEFAULT is 0 */
	cmp	x9, #1
	b.ls	2f
	cbz	x1, 2f
	ldrb	w9, [x1]
	cmp	w9, #'c'
	b.ne	2f
	ldrb	w9, [x1, #1]
	cmp	w9, #'u'
	b.ne	2f
	save
	mov	x0, x1
	bl	rk_lookup_find
	mov	w9, w0
	restore
	tbnz	w9, #31, 2f
	.if	\version == 0
	mov	x2, xzr
	.endif
	mov	x3, x30
	b	rk_lookup_substitute
2:
	load_real \real
	cbz	x16, 3f
	br	x16
3:
	save
	bl	rk_lookup_bootstrap
	restore
	load_real \real
	cbz	x16, 4f
	br	x16
4:
	mov	x0, xzr
	ret
	.cfi_endproc
	.endm

FUNCTION(dlsym)
	lookup	rk_lookup_dlsym, 0
	.size dlsym, . - dlsym

FUNCTION(dlvsym)
	lookup	rk_lookup_dlvsym, 1
	.size dlvsym, . - dlvsym

	.section .note.GNU-stack, "", %progbits
