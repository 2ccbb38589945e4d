// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether this machine's processors have time to spare.
 *
 * How long they were idle, or waited for I/O with nothing else to do, is looked
 * at every now and then, by whoever asks then; nothing ticks while nobody asks.
 * The answer in between is that of the last time.
 *
 * Who asks uses fewer threads when there is nothing to spare, and that may be
 * what leaves processors idle. So the answer does not change at the same mark
 * in both directions, and each time that it changes back it stays longer.
 */
#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/kernel_stat.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/tick.h>

#include "spare.h"

/* So many jiffies between two looks. */
#define NBD_SPARE_INTERVAL	max(HZ / 20, 2)
/* Nothing to spare is less than this part of the time of all processors. */
#define NBD_SPARE_LEAST		16
/* And there is something again when it is more than this part. */
#define NBD_SPARE_AGAIN		8
/* Then so many looks may find nothing, the second time twice as many. */
#define NBD_SPARE_HOLD		32
/* Until so many of them in a row have. */
#define NBD_SPARE_BUSY		16

/* Bit 0: somebody takes a look. Protects everything below but reads of it. */
static unsigned long nbd_spare_looking;
/* The last look: when, how many processors, and how long these were idle. */
static unsigned long nbd_spare_at = INITIAL_JIFFIES;
static unsigned int nbd_spare_cpus;
static u64 nbd_spare_idle;
/* Looks that may find nothing: as it was set last, and what is left of it. */
static unsigned int nbd_spare_hold, nbd_spare_left;
/* Looks in a row that found nothing. */
static unsigned int nbd_spare_busy;
/* What came of it. */
static bool nbd_spare_last = true;

/* Microseconds since boot that a processor had nothing to run. */
static u64 nbd_cpu_idle(unsigned int cpu)
{
	u64 idle = get_cpu_idle_time_us(cpu, NULL);
	u64 iowait = get_cpu_iowait_time_us(cpu, NULL);

	/* Where the tick never stops, it counts. */
	if (idle == U64_MAX || iowait == U64_MAX)
		return div_u64(kcpustat_cpu(cpu).cpustat[CPUTIME_IDLE] +
			       kcpustat_cpu(cpu).cpustat[CPUTIME_IOWAIT],
			       NSEC_PER_USEC);
	return idle + iowait;
}

/* @found: what this look found; @soon: the one before was not long ago. */
static bool nbd_spare_answer(bool found, bool soon)
{
	if (found) {
		nbd_spare_busy = 0;
		if (nbd_spare_last || !soon)
			return true;
		nbd_spare_hold = clamp(2 * nbd_spare_hold, 1U,
				       NBD_SPARE_HOLD + 0U);
		nbd_spare_left = nbd_spare_hold;
		return true;
	}
	if (nbd_spare_left) {
		nbd_spare_left--;
		return true;
	}
	if (++nbd_spare_busy == NBD_SPARE_BUSY)
		nbd_spare_hold = 0;
	return false;
}

static void nbd_spare_look(unsigned long now)
{
	unsigned long passed = now - nbd_spare_at;
	u64 most = (u64)passed * (USEC_PER_SEC / HZ);
	unsigned int cpu, cpus = 0;
	u64 idle = 0;
	s64 more;
	bool found, same;

	for_each_online_cpu(cpu) {
		idle += nbd_cpu_idle(cpu);
		cpus++;
	}
	more = idle - nbd_spare_idle;
	same = cpus == nbd_spare_cpus;
	nbd_spare_idle = idle;
	nbd_spare_cpus = cpus;
	WRITE_ONCE(nbd_spare_at, now);
	/* Not those of the last time, or their counters went back. */
	if (!same || more < 0)
		return;
	found = more * (nbd_spare_last ? NBD_SPARE_LEAST : NBD_SPARE_AGAIN) >
		(s64)(most * cpus);
	WRITE_ONCE(nbd_spare_last,
		   nbd_spare_answer(found, passed < 2 * NBD_SPARE_INTERVAL));
}

/**
 * nbd_spare() - have the processors time to spare?
 *
 * Of the time between the last two looks; they are far enough apart to mean
 * something, and a look is taken only when somebody asks.
 *
 * Context: any but NMI.
 * Return: true if together they were idle for more than a small part of it.
 */
bool nbd_spare(void)
{
	unsigned long now = jiffies;

	if (unlikely(now - READ_ONCE(nbd_spare_at) >= NBD_SPARE_INTERVAL) &&
	    !test_and_set_bit_lock(0, &nbd_spare_looking)) {
		/* Somebody else may just have done it. */
		now = jiffies;
		if (now - nbd_spare_at >= NBD_SPARE_INTERVAL)
			nbd_spare_look(now);
		clear_bit_unlock(0, &nbd_spare_looking);
	}
	return READ_ONCE(nbd_spare_last);
}
