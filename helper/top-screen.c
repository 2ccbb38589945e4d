// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "top-screen.h"
#include "transport.h"

#define LONGEST_MS	60000	/* that poll() is asked for */

static struct termios found, used;
static bool has_keys;	/* @used is in force, keys can be read */

/* Signals may come at any time, also while the kernel makes us wait. */
static void on_end(int sig)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &found);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void on_stop(int sig)
{
	int error = errno;

	(void)sig;
	tcsetattr(STDIN_FILENO, TCSANOW, &found);
	raise(SIGSTOP);
	tcsetattr(STDIN_FILENO, TCSANOW, &used);
	errno = error;
}

static void handle(int sig, void (*handler)(int sig))
{
	struct sigaction old, new = { .sa_handler = handler };

	/* What nohup and the like have set stays. */
	if (!sigaction(sig, NULL, &old) && old.sa_handler != SIG_IGN)
		sigaction(sig, &new, NULL);
}

/**
 * screen_begin - have keys come at once and without an echo
 *
 * Unless the input is no terminal. A signal that ends or stops the program gives the
 * terminal back before it does.
 */
void screen_begin(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	size_t i;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &found))
		return;
	used = found;
	used.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	used.c_cc[VMIN] = 1;
	used.c_cc[VTIME] = 0;
	for (i = 0; i < ARRAY_SIZE(ends); i++)
		handle(ends[i], on_end);
	handle(SIGTSTP, on_stop);
	has_keys = !tcsetattr(STDIN_FILENO, TCSADRAIN, &used);
}

/**
 * screen_end - give the terminal back as it was
 */
void screen_end(void)
{
	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &found);
	has_keys = false;
	/* For a stop that comes later. */
	used = found;
}

/**
 * screen_size - size of the terminal at this moment
 * @columns: its width
 * @rows: its height
 *
 * One that does not know has 80 columns and 24 rows.
 */
void screen_size(unsigned int *columns, unsigned int *rows)
{
	struct winsize size;

	*columns = 80;
	*rows = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		return;
	if (size.ws_col)
		*columns = size.ws_col;
	if (size.ws_row)
		*rows = size.ws_row;
}

/* Whether a key says that it is enough. */
static bool key_ends(void)
{
	char key;

	if (read(STDIN_FILENO, &key, 1) == 1)
		return key == 'q' || key == 'Q';
	screen_end();
	return false;
}

/**
 * screen_wait - wait until a moment or for a key
 * @deadline: the moment, from deadline_in()
 *
 * Return: false if a key says that it is enough.
 */
bool screen_wait(s64 deadline)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	s64 left;

	while ((left = deadline_left(deadline))) {
		if (left > LONGEST_MS)
			left = LONGEST_MS;
		if (poll(&p, has_keys, (int)left) > 0 && key_ends())
			return false;
	}
	return true;
}
