// SPDX-License-Identifier: GPL-2.0-or-later
#include <pthread.h>
#include <signal.h>

#include "thread.h"

/**
 * thread_start - run a function in a thread that nobody waits for
 * @fn: the function; what it returns is lost
 * @arg: its argument
 * @stack: bytes that it may use as its stack
 *
 * Signals are for those who know what to do with them: the thread gets none.
 *
 * Return: 0, or an errno; then the function is not called.
 */
int thread_start(void *(*fn)(void *arg), void *arg, size_t stack)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	error = pthread_attr_init(&attr);
	if (error)
		return error;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, stack);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return error;
}
