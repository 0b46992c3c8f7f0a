/* SPDX-License-Identifier: Apache-2.0
 *
 * core/glibc_floor.c - number parsing that does not raise the glibc floor.
 *
 * From glibc 2.38 on, its headers turn strtol() and the like into __isoc23_*() for whoever
 * asks for GNU extensions; so do the static libraries of such a distribution. A library built
 * there would need 2.38 and end every program on an older system at its start, though all it
 * wants is the old function. These stand in, hidden, and call it; a linker takes this file
 * only where somebody asks for it.
 */
#include <stdarg.h>

long plain_strtol(const char *text, char **end, int base) __asm__("strtol");
unsigned long plain_strtoul(const char *text, char **end, int base) __asm__("strtoul");
long long plain_strtoll(const char *text, char **end, int base) __asm__("strtoll");
unsigned long long plain_strtoull(const char *text, char **end, int base) __asm__("strtoull");
int plain_vsscanf(const char *text, const char *format, va_list args) __asm__("vsscanf");

long __isoc23_strtol(const char *text, char **end, int base);
unsigned long __isoc23_strtoul(const char *text, char **end, int base);
long long __isoc23_strtoll(const char *text, char **end, int base);
unsigned long long __isoc23_strtoull(const char *text, char **end, int base);
int __isoc23_sscanf(const char *text, const char *format, ...);

long __isoc23_strtol(const char *text, char **end, int base)
{
	return plain_strtol(text, end, base);
}

unsigned long __isoc23_strtoul(const char *text, char **end, int base)
{
	return plain_strtoul(text, end, base);
}

long long __isoc23_strtoll(const char *text, char **end, int base)
{
	return plain_strtoll(text, end, base);
}

unsigned long long __isoc23_strtoull(const char *text, char **end, int base)
{
	return plain_strtoull(text, end, base);
}

int __isoc23_sscanf(const char *text, const char *format, ...)
{
	va_list args;
	int count;

	va_start(args, format);
	count = plain_vsscanf(text, format, args);
	va_end(args);
	return count;
}
