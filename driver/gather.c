// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guess whether more batches of requests are likely to follow.
 */
#include <linux/minmax.h>
#include <linux/time64.h>

#include "gather.h"

/* After this time the submitter sends what waits. */
#define NBD_GATHER_NS		(300 * NSEC_PER_USEC)
/* When it brings nothing, up to so many are sent at once between tries. */
#define NBD_GATHER_BACKOFF	63u

/* One batch more, the first of a run if it has slept meanwhile. */
static void nbd_gather_count(struct nbd_gather *gather,
			     const struct task_struct *submitter,
			     unsigned long slept)
{
	if (gather->submitter == submitter && gather->slept == slept) {
		gather->run++;
		return;
	}
	gather->last_run = gather->submitter == submitter ? gather->run : 1;
	gather->submitter = submitter;
	gather->slept = slept;
	gather->run = 1;
	gather->useful = false;
	gather->since = 0;
}

static bool nbd_gather_likely(struct nbd_gather *gather)
{
	unsigned int pause = READ_ONCE(gather->pause);

	if (gather->run == 1 && gather->last_run == 1)
		return false;
	if (pause)
		WRITE_ONCE(gather->pause, pause - 1);
	return !pause;
}

/**
 * nbd_gather_more() - a batch is complete: wait for more?
 * @gather: of the hardware queue
 * @submitter: who submits
 * @slept: how often it has slept
 * @now: nanoseconds on any steady clock
 * @full: the batch is to be sent at once, and all that was left
 *
 * Yes, if the submitter has not slept since its last batch, or had submitted
 * several the last time that it woke up; but not for long, and more and more
 * rarely if it turns out to bring nothing. A submitter that sleeps until each of
 * its requests is answered is never made to wait longer. The time counts when the
 * next batch comes; what was left by the last one goes when the submitter sleeps,
 * is preempted, or another CPU is idle.
 *
 * Context: any.
 * Return: true to leave the batch to somebody who comes later; false to send
 * it, and all that was left before.
 */
bool nbd_gather_more(struct nbd_gather *gather,
		     const struct task_struct *submitter, unsigned long slept,
		     u64 now, bool full)
{
	nbd_gather_count(gather, submitter, slept);
	gather->left = nbd_gather_likely(gather) && !full &&
		       (!gather->since || now - gather->since < NBD_GATHER_NS);
	if (!gather->left)
		gather->since = 0;
	else if (!gather->since)
		gather->since = now;
	return gather->left;
}

/**
 * nbd_gather_judge() - the first request of the next batch is here
 * @gather: of the hardware queue; its last batch was left
 * @submitter: who submits
 * @slept: how often it has slept
 * @waiting: the last batch still waits
 *
 * It was right to leave the batch if it still waits: the two travel together. It
 * was wrong if it is gone already, or if its submitter went to sleep without
 * having put anything beside what it had left.
 *
 * Context: any.
 */
void nbd_gather_judge(struct nbd_gather *gather,
		      const struct task_struct *submitter, unsigned long slept,
		      bool waiting)
{
	bool awake = gather->submitter == submitter && gather->slept == slept;

	gather->left = false;
	if (awake && waiting) {
		gather->useful = true;
		gather->backoff = 0;
	} else if (awake || !gather->useful) {
		gather->backoff = min(2 * gather->backoff + 1,
				      NBD_GATHER_BACKOFF);
	}
	WRITE_ONCE(gather->pause, gather->backoff);
}
