/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/child.c - fork, exec, and a pipe that tells whether exec worked.
 */
#include "tools/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/child_exporter.h"

#define NS_PER_MS 1000000l

static const int watched[] = { SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGQUIT };

#define WATCHED (sizeof(watched) / sizeof(watched[0]))

static volatile pid_t running;

static void pass_on(int number)
{
	int saved_errno = errno;

	if (running > 0)
		kill(running, number);
	errno = saved_errno;
}

/* What is ignored (nohup) stays ignored. */
static void watch(struct sigaction old[WATCHED])
{
	for (size_t i = 0; i < WATCHED; i++) {
		struct sigaction action = { .sa_handler = pass_on };

		if (watched[i] == SIGINT || watched[i] == SIGQUIT)
			action.sa_handler = SIG_IGN;
		sigaction(watched[i], NULL, &old[i]);
		if (old[i].sa_handler != SIG_IGN)
			sigaction(watched[i], &action, NULL);
	}
}

static void unwatch(const struct sigaction old[WATCHED])
{
	for (size_t i = 0; i < WATCHED; i++)
		sigaction(watched[i], &old[i], NULL);
}

static _Noreturn void become(const char *path, char *const *argv, char *const *envp, int report)
{
	int err;

	execvpe(path, argv, envp);
	err = errno;
	(void)!write(report, &err, sizeof(err));
	_exit(127);
}

/* Returns 0 when exec closed the pipe, else the error it wrote. */
static int read_report(int fd)
{
	int err = 0;
	ssize_t n;

	do {
		n = read(fd, &err, sizeof(err));
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(err) ? -err : 0;
}

static void wait_for(struct rk_child_end *end, const struct rk_child_watcher *watcher)
{
	int status = 0;
	pid_t ended;

	/* The program's exporter may end before it. */
	while ((ended = waitpid(-1, &status, watcher ? WNOHANG : 0)) != end->pid &&
	       (ended >= 0 || errno == EINTR)) {
		struct timespec pause = { .tv_nsec = NS_PER_MS };

		if (!watcher || ended > 0)
			continue;
		watcher->look(watcher->data, end->pid);
		pause.tv_nsec *= watcher->every_ms;
		nanosleep(&pause, NULL);
	}
	end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	end->status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

int rk_child_run(struct rk_child_end *end, const char *path, char *const *argv, char *const *envp,
		 const struct rk_child_watcher *watcher)
{
	struct sigaction old[WATCHED];
	sigset_t all, mask;
	int report[2];
	int err;

	if (pipe2(report, O_CLOEXEC))
		return -errno;
	/* No signal may arrive between fork() and the moment its target is known. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask);
	watch(old);
	end->pid = fork();
	if (end->pid == 0) {
		unwatch(old);
		sigprocmask(SIG_SETMASK, &mask, NULL);
		become(path, argv, envp, report[1]);
	}
	err = end->pid < 0 ? -errno : 0;
	running = end->pid;
	sigprocmask(SIG_SETMASK, &mask, NULL);
	close(report[1]);
	if (!err) {
		err = read_report(report[0]);
		wait_for(end, watcher);
		running = 0;
		rk_child_wait_for_exporters();
	}
	running = 0;
	close(report[0]);
	unwatch(old);
	return err;
}
