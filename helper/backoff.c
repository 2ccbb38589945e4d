// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/random.h>
#include <time.h>

#include "backoff.h"

#define FIRST_MS	100U
#define MOST_MS		10000U

/**
 * backoff_ms - how long to wait before the next try
 * @tries: in a row, at least 1
 * @random: any number
 *
 * 100 ms after the first one, twice as long after each further one, 10 s at most;
 * all that a quarter shorter to a quarter longer, so that the clients of a server
 * that comes back do not come all at once.
 *
 * Return: milliseconds.
 */
u32 backoff_ms(unsigned int tries, u32 random)
{
	u32 ms = FIRST_MS;

	while (tries-- > 1 && ms < MOST_MS)
		ms *= 2;
	if (ms > MOST_MS)
		ms = MOST_MS;
	return ms - ms / 4 + (u32)((u64)(ms / 2) * random >> 32);
}

/**
 * backoff_random - a number for backoff_ms()
 *
 * Does not wait for the kernel to have collected entropy.
 *
 * Return: any number.
 */
u32 backoff_random(void)
{
	struct timespec now;
	u32 random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) ==
	    sizeof(random))
		return random;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (u32)now.tv_nsec * 2654435761U;
}
