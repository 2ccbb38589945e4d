/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guess: are more batches of requests likely to follow at once, so that this
 * one had better wait for them?
 */
#ifndef NBD_GATHER_H
#define NBD_GATHER_H

#include <linux/types.h>

struct task_struct;

/**
 * struct nbd_gather - what is known of who submits to a hardware queue
 * @submitter: who submitted last; to compare with, it may be gone
 * @slept: how often it had slept then
 * @run: batches that it has submitted since
 * @last_run: batches that it had submitted between the two sleeps before
 * @since: when something was left to wait first, in nanoseconds; 0 when nothing
 *	waits
 * @left: the last batch was left, and that was not judged yet
 * @useful: something has waited for the next batch in this run
 * @pause: batches to send at once before waiting is tried again
 * @backoff: what @pause was set to last
 *
 * Nothing protects it: two submitters on one hardware queue may spoil the guess
 * for each other, no more.
 */
struct nbd_gather {
	const struct task_struct *submitter;
	unsigned long slept;
	unsigned int run;
	unsigned int last_run;
	u64 since;
	bool left;
	bool useful;
	unsigned int pause;
	unsigned int backoff;
};

bool nbd_gather_more(struct nbd_gather *gather,
		     const struct task_struct *submitter, unsigned long slept,
		     u64 now, bool full);
void nbd_gather_judge(struct nbd_gather *gather,
		      const struct task_struct *submitter, unsigned long slept,
		      bool waiting);

#endif /* NBD_GATHER_H */
