/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/bind_port.c - binds a port after it has made a context, as a server
 * does that uses a GPU.
 *
 * usage: bind_port [port]
 */
#include <arpa/inet.h>
#include <cuda.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int port = argc > 1 ? atoi(argv[1]) : 8080;
	CUcontext ctx;
	int fd;

	CHECK(cuInit(0));
	CHECK(cuDevicePrimaryCtxRetain(&ctx, 0));
	CHECK(cuCtxSetCurrent(ctx));
	usleep(200000); /* time for a tool to take the port, if it wanted to */
	at.sin_port = htons((uint16_t)port);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(fd < 0);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 1)) {
		perror("bind_port");
		return 1;
	}
	printf("bind: ok, descriptor %d\n", fd);
	close(fd);
	return 0;
}
