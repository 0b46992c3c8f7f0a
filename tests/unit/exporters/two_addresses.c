/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/exporters/two_addresses.c - preloaded: every name is 127.0.0.2, then 127.0.0.1.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

/* In one block each, as freeaddrinfo() of the C library has it. */
static struct addrinfo *make(const char *text, const char *service, struct addrinfo *next)
{
	struct addrinfo *info = calloc(1, sizeof(*info) + sizeof(struct sockaddr_in));
	struct sockaddr_in *address;

	if (!info)
		return NULL;
	address = (struct sockaddr_in *)(info + 1);
	address->sin_family = AF_INET;
	address->sin_port = htons((uint16_t)strtoul(service, NULL, 10));
	inet_pton(AF_INET, text, &address->sin_addr);
	info->ai_family = AF_INET;
	info->ai_socktype = SOCK_STREAM;
	info->ai_addr = (struct sockaddr *)address;
	info->ai_addrlen = sizeof(*address);
	info->ai_next = next;
	return info;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **result)
{
	(void)node;
	(void)hints;
	*result = make("127.0.0.2", service, make("127.0.0.1", service, NULL));
	return *result ? 0 : EAI_MEMORY;
}
