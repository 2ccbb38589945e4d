// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bounded.h"
#include "transport.h"

#define SLICE_MS	50	/* how soon a held signal is noticed */
#define NOTICE_MS	3000	/* how long nobody wonders */

static const int held[] = { SIGINT, SIGTERM, SIGHUP };

/* As by nohup. It would arrive all the same while it is held. */
static bool is_ignored(int signal)
{
	struct sigaction action;

	return !sigaction(signal, NULL, &action) &&
	       action.sa_handler == SIG_IGN;
}

static void held_set(sigset_t *set)
{
	size_t i;

	sigemptyset(set);
	for (i = 0; i < ARRAY_SIZE(held); i++)
		if (!is_ignored(held[i]))
			sigaddset(set, held[i]);
}

/**
 * signals_hold - put off the signals that end the program
 *
 * For the time in which something would be left behind.
 */
void signals_hold(void)
{
	sigset_t set;

	held_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/**
 * signals_release - let signals through again
 *
 * One that was put off ends the program now.
 */
void signals_release(void)
{
	sigset_t set;

	held_set(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/**
 * signals_pending - whether a signal has been put off
 *
 * Return: true when one has.
 */
bool signals_pending(void)
{
	sigset_t set;
	size_t i;

	sigpending(&set);
	for (i = 0; i < ARRAY_SIZE(held); i++)
		if (sigismember(&set, held[i]))
			return true;
	return false;
}

/**
 * signals_open - read signals that end the program instead of ending
 *
 * They are held on return, also in threads that are started later.
 *
 * Return: a descriptor that can be read once one has come, or -1 and errno.
 */
int signals_open(void)
{
	sigset_t set;

	signals_hold();
	held_set(&set);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/**
 * pause_ms - do nothing for a while
 * @milliseconds: how long
 */
void pause_ms(unsigned int milliseconds)
{
	struct timespec ts = {
		.tv_sec = milliseconds / 1000,
		.tv_nsec = (long)(milliseconds % 1000) * 1000000,
	};

	nanosleep(&ts, NULL);
}

static int wait_for(int fd, s64 milliseconds, const char *notice)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	s64 deadline = deadline_in(milliseconds);
	s64 wonder = deadline_in(NOTICE_MS);
	s64 left;
	int result;

	while ((left = deadline_left(deadline))) {
		if (signals_pending())
			return -EINTR;
		if (notice && !deadline_left(wonder)) {
			fprintf(stderr, "nbdctl: %s\n", notice);
			notice = NULL;
		}
		if (poll(&p, 1, left < SLICE_MS ? (int)left : SLICE_MS) <= 0)
			continue;
		if (read(fd, &result, sizeof(result)) == sizeof(result))
			return result;
		return -EIO;
	}
	return -ETIMEDOUT;
}

/*
 * It may stay for long, and nobody is to wait for what it has open. Keeps @fd, and
 * returns where it is then.
 */
static int let_go(int fd)
{
	int null = open("/dev/null", O_RDWR);
	int i;

	for (i = 0; i < 3 && null >= 0; i++)
		dup2(null, i);
	if (fd != 3 && dup2(fd, 3) != 3)
		return fd;
	close_range(4, ~0U, 0);
	return 3;
}

static void child(int fd, int (*fn)(void *arg), void *arg)
{
	int result;

	fd = let_go(fd);
	result = fn(arg);
	if (write(fd, &result, sizeof(result)) != sizeof(result))
		_exit(1);
	_exit(0);
}

/**
 * bounded_call - call a function that may block in the kernel for long
 * @fn: the function; it runs in a child process and returns 0 or -errno
 * @arg: its argument
 * @milliseconds: how long to wait for it
 * @notice: what to say when it takes so long that a user wonders; or NULL
 *
 * When the time is over or a held signal arrives, the child is left to end
 * by itself as soon as the kernel lets it. It has none of our descriptors.
 *
 * Return: what @fn returned, -ETIMEDOUT, -EINTR, or why it could not be called.
 */
int bounded_call(int (*fn)(void *arg), void *arg, s64 milliseconds,
		 const char *notice)
{
	int fds[2], result;
	pid_t pid;

	if (pipe(fds))
		return -errno;
	pid = fork();
	if (pid < 0) {
		result = -errno;
	} else if (!pid) {
		close(fds[0]);
		child(fds[1], fn, arg);
	}
	close(fds[1]);
	if (pid > 0) {
		result = wait_for(fds[0], milliseconds, notice);
		if (result == -ETIMEDOUT || result == -EINTR)
			kill(pid, SIGKILL);
		else
			waitpid(pid, NULL, 0);
	}
	close(fds[0]);
	return result;
}
