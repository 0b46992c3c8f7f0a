/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/close_all.c - closes every descriptor it knows nothing of, as daemons do, then
 * opens a database and a socket. Nobody else may write into them.
 *
 * usage: close_all [shared]     shared: the kernel refuses tables of descriptors of one's own
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest_filter.h"
#include "guest_kit.h"

#define PAGE_BYTES 4096
#define PAGES	   64
#define ROUNDS	   12

/* As many as the tracer may have had: one of them gets the number of its file. A socket with that
 * number would prove nothing, because what is written at a place does not get into it. */
#define EMPTY_FILES 300

static int database, sockets[2], empty[EMPTY_FILES];

static void open_own(void)
{
	database = open("database", O_RDWR | O_CREAT | O_EXCL, 0644);
	CHECK(database >= 0);
	for (int i = 0; i < EMPTY_FILES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "empty%d", i);
		empty[i] = open(name, O_RDWR | O_CREAT | O_EXCL, 0644);
		CHECK(empty[i] >= 0);
	}
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
	printf("database %d sockets %d %d\n", database, sockets[0], sockets[1]);
}

static void fill(uint8_t *page, int number, int round)
{
	for (int i = 0; i < PAGE_BYTES; i++)
		page[i] = (uint8_t)(number * 7 + round * 13 + i);
}

static void write_pages(int round)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	uint8_t page[PAGE_BYTES];

	CHECK(fcntl(database, F_SETLK, &lock) == 0);
	for (int number = 0; number < PAGES; number++) {
		fill(page, number, round);
		CHECK(pwrite(database, page, sizeof(page), (off_t)number * PAGE_BYTES) ==
		      PAGE_BYTES);
	}
	lock.l_type = F_UNLCK;
	CHECK(fcntl(database, F_SETLK, &lock) == 0);
}

static void check_pages(int round)
{
	uint8_t page[PAGE_BYTES], expected[PAGE_BYTES];
	char word[8] = "";

	for (int number = 0; number < PAGES; number++) {
		fill(expected, number, round);
		CHECK(pread(database, page, sizeof(page), (off_t)number * PAGE_BYTES) ==
		      PAGE_BYTES);
		CHECK(memcmp(page, expected, sizeof(page)) == 0);
	}
	CHECK(lseek(database, 0, SEEK_END) == PAGES * PAGE_BYTES);
	for (int i = 0; i < EMPTY_FILES; i++)
		CHECK(lseek(empty[i], 0, SEEK_END) == 0);
	CHECK(write(sockets[0], "round", 5) == 5 && recv(sockets[1], word, 8, 0) == 5);
	CHECK(memcmp(word, "round", 5) == 0);
	CHECK(recv(sockets[0], word, 8, MSG_DONTWAIT) < 0 && errno == EAGAIN);
}

/* A real one where there is one, by name: no header is needed for three functions. */
static void use_sqlite(void)
{
	void *library = dlopen("libsqlite3.so.0", RTLD_NOW);
	int (*open_file)(const char *, void **);
	int (*execute)(void *, const char *, void *, void *, char **);
	int (*close_file)(void *);
	void *handle;

	if (!library)
		return;
	open_file = (int (*)(const char *, void **))dlsym(library, "sqlite3_open");
	execute = (int (*)(void *, const char *, void *, void *, char **))dlsym(library,
										"sqlite3_exec");
	close_file = (int (*)(void *))dlsym(library, "sqlite3_close");
	CHECK(open_file && execute && close_file && open_file("sqlite.db", &handle) == 0);
	CHECK(execute(handle, "PRAGMA journal_mode=WAL; CREATE TABLE t(a, b);", NULL, NULL, NULL) ==
	      0);
	for (int i = 0; i < 50; i++)
		CHECK(execute(handle, "INSERT INTO t VALUES(randomblob(500), 'x');", NULL, NULL,
			      NULL) == 0);
	CHECK(execute(handle, "PRAGMA integrity_check; DELETE FROM t;", NULL, NULL, NULL) == 0);
	CHECK(close_file(handle) == 0);
	printf("sqlite is sound\n");
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "shared") == 0)
		CHECK(guest_filter_refuse_own_table());
	guest_start();
	guest_launch(200);
	guest_wait();
	if (argc > 1)
		usleep(700000); /* the tracer's file is open by now */
	CHECK(syscall(SYS_close_range, 3, ~0u, 0) == 0);
	open_own();
	for (int round = 0; round < ROUNDS; round++) {
		write_pages(round);
		guest_launch(200);
		guest_wait();
		usleep(100000);
		check_pages(round);
	}
	use_sqlite();
	if (argc == 1)
		guest_report("after all was closed");
	guest_measure();
	return 0;
}
