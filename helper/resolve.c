// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Looking up hosts. The resolver may take minutes and cannot be stopped, so it has
 * a thread of its own, which is left to end by itself when the time is over.
 */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "resolve.h"
#include "thread.h"
#include "uri.h"

#define STACK_SIZE	(512 << 10)
#define MAX_LOOKUPS	64	/* at work, also those that were given up */

/*
 * One look-up. Whoever is the last to need it frees it: the caller when it is
 * done, the thread when it was given up.
 */
struct lookup {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	char host[URI_MAX_HOST + 1];
	char port[16];
	struct addrinfo *result;
	int error;		/* EAI_*, 0 for none */
	int number;		/* the errno of EAI_SYSTEM */
	bool done;
	bool given_up;
};

static atomic_uint lookups;

static void lookup_free(struct lookup *l)
{
	if (l->result)
		freeaddrinfo(l->result);
	pthread_cond_destroy(&l->ended);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static int get_addresses(const char *host, const char *port, int flags,
			 struct addrinfo **result)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | flags,
	};

	*result = NULL;
	return getaddrinfo(host, port, &hints, result);
}

static void *look_up(void *arg)
{
	struct lookup *l = arg;
	bool given_up;

	l->error = get_addresses(l->host, l->port, 0, &l->result);
	l->number = errno;
	atomic_fetch_sub(&lookups, 1);
	pthread_mutex_lock(&l->lock);
	l->done = true;
	given_up = l->given_up;
	pthread_cond_signal(&l->ended);
	pthread_mutex_unlock(&l->lock);
	if (given_up)
		lookup_free(l);
	return NULL;
}

static struct lookup *lookup_start(const char *host, const char *port)
{
	struct lookup *l;

	if (atomic_fetch_add(&lookups, 1) >= MAX_LOOKUPS)
		goto out;
	l = calloc(1, sizeof(*l));
	if (!l)
		goto out;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->ended, NULL);
	snprintf(l->host, sizeof(l->host), "%s", host);
	snprintf(l->port, sizeof(l->port), "%s", port);
	if (!thread_start(look_up, l, STACK_SIZE))
		return l;
	lookup_free(l);
out:
	atomic_fetch_sub(&lookups, 1);
	return NULL;
}

/* Whether it has ended in time; if not, it is the thread's from now on. */
static bool lookup_wait(struct lookup *l, s64 deadline)
{
	struct timespec until = {
		.tv_sec = deadline / 1000,
		.tv_nsec = deadline % 1000 * 1000000,
	};
	int error = 0;
	bool done;

	pthread_mutex_lock(&l->lock);
	while (!l->done && !error)
		error = pthread_cond_clockwait(&l->ended, &l->lock,
					       CLOCK_MONOTONIC, &until);
	done = l->done;
	l->given_up = !done;
	pthread_mutex_unlock(&l->lock);
	return done;
}

static int no_addresses(struct err *err, const char *host, int error,
			int number)
{
	return err_set(err, ST_UNREACHABLE, "cannot resolve host %s: %s", host,
		       error == EAI_SYSTEM ? strerror(number) :
		       gai_strerror(error));
}

/**
 * resolve_host - find the addresses of a host
 * @host: its name or address
 * @port: the port that the addresses get
 * @deadline: when to give up
 * @result: the addresses; freeaddrinfo() them
 * @err: filled on failure
 *
 * An address is taken as it is, without a thread and without reading a file.
 *
 * Return: 0, or -1 with @err set.
 */
int resolve_host(const char *host, u32 port, s64 deadline,
		 struct addrinfo **result, struct err *err)
{
	struct lookup *l;
	char service[16];
	int ret = 0;

	snprintf(service, sizeof(service), "%u", port);
	if (!get_addresses(host, service, AI_NUMERICHOST, result))
		return 0;
	l = lookup_start(host, service);
	if (!l)
		return err_set(err, ST_UNREACHABLE,
			       "cannot resolve host %s: out of memory, or the resolver has not answered for %d others yet",
			       host, MAX_LOOKUPS);
	if (!lookup_wait(l, deadline))
		return no_addresses(err, host, EAI_AGAIN, 0);
	*result = l->result;
	l->result = NULL;
	if (l->error)
		ret = no_addresses(err, host, l->error, l->number);
	lookup_free(l);
	return ret;
}
