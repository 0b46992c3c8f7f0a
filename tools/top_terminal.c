/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/top_terminal.c - termios and a few sequences that every terminal of today knows.
 *
 * No library: what is needed is a second screen, a hidden cursor, and one line after the other.
 */
#include "tools/top_terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l\033[?7l" /* second screen, no cursor, no wrapping */
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

static const int ending[] = { SIGHUP,  SIGINT, SIGQUIT, SIGTERM, SIGPIPE,
			      SIGSEGV, SIGBUS, SIGFPE,	SIGILL,	 SIGABRT };

#define ENDING (sizeof(ending) / sizeof(ending[0]))

static struct {
	struct termios before, now;
	volatile sig_atomic_t is_open, is_stale;
} terminal;

static void tell(const char *sequence, size_t size)
{
	(void)!write(STDOUT_FILENO, sequence, size);
}

/* Signal handlers call it: nothing in it but system calls. */
static void give_back(void)
{
	if (!terminal.is_open)
		return;
	terminal.is_open = 0;
	tell(LEAVE, sizeof(LEAVE) - 1);
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal.before);
}

static void take(void)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal.now);
	tell(ENTER, sizeof(ENTER) - 1);
	terminal.is_open = 1;
	terminal.is_stale = 1;
}

/* SA_RESETHAND: the second time it does what it does without us. */
static void end_by(int number)
{
	give_back();
	raise(number);
}

static void stop_by(int number)
{
	int saved_errno = errno;

	(void)number;
	give_back();
	kill(getpid(), SIGSTOP);
	take();
	errno = saved_errno;
}

static void note_size(int number)
{
	(void)number;
	terminal.is_stale = 1;
}

static void watch(void)
{
	struct sigaction action = { .sa_handler = end_by, .sa_flags = SA_RESETHAND };
	sigset_t size;

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ENDING; i++) {
		struct sigaction old;

		/* What is ignored (nohup) stays ignored. */
		if (sigaction(ending[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(ending[i], &action, NULL);
	}
	action.sa_flags = SA_RESTART;
	action.sa_handler = stop_by;
	sigaction(SIGTSTP, &action, NULL);
	action.sa_handler = note_size;
	sigaction(SIGWINCH, &action, NULL);
	/* It arrives while a key is waited for, and not a moment before. */
	sigemptyset(&size);
	sigaddset(&size, SIGWINCH);
	sigprocmask(SIG_BLOCK, &size, NULL);
}

bool rk_top_terminal_is_there(void)
{
	return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

int rk_top_terminal_open(void)
{
	if (tcgetattr(STDIN_FILENO, &terminal.before))
		return -errno;
	terminal.now = terminal.before;
	/* Signals by keys stay. */
	terminal.now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	terminal.now.c_cc[VMIN] = 1;
	terminal.now.c_cc[VTIME] = 0;
	watch();
	take();
	return 0;
}

void rk_top_terminal_close(void)
{
	give_back();
}

int rk_top_terminal_key(uint32_t timeout_ms)
{
	struct timespec timeout = { .tv_sec = timeout_ms / 1000,
				    .tv_nsec = (long)(timeout_ms % 1000) * 1000000 };
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	sigset_t none;
	char key;
	int ready;

	sigprocmask(SIG_SETMASK, NULL, &none);
	sigdelset(&none, SIGWINCH);
	ready = ppoll(&input, 1, &timeout, &none);
	if (terminal.is_stale) {
		terminal.is_stale = 0;
		return RK_TOP_KEY_AGAIN;
	}
	if (ready <= 0)
		return ready < 0 && errno != EINTR ? RK_TOP_KEY_END : RK_TOP_KEY_NONE;
	return read(STDIN_FILENO, &key, 1) == 1 ? (unsigned char)key : RK_TOP_KEY_END;
}

void rk_top_terminal_size(uint32_t *rows, uint32_t *columns)
{
	struct winsize size = { 0 };

	*rows = 24;
	*columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
		*rows = size.ws_row;
		*columns = size.ws_col;
	}
}
