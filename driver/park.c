// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands that wait: for a live connection (parked), or for a moment (fenced,
 * see "A connection dies" in Documentation/architecture.rst).
 */
#include "park.h"

static bool nbd_may_wait(const struct nbd_queue *q)
	__must_hold(&q->lock)
{
	return q->mode == NBD_QUEUE_RUN || q->mode == NBD_QUEUE_HOLD;
}

/**
 * nbd_park() - keep a command until a connection is live
 * @q: the queue
 * @cmd: a command that the caller owns
 *
 * Context: any.
 * Return: false when requests fail; then the caller still owns it.
 */
bool nbd_park(struct nbd_queue *q, struct nbd_cmd *cmd)
{
	bool parked;

	spin_lock_bh(&q->lock);
	parked = nbd_may_wait(q);
	if (parked) {
		cmd->node.next = q->parked;
		q->parked = &cmd->node;
		q->waiting++;
	}
	spin_unlock_bh(&q->lock);
	return parked;
}

/**
 * nbd_take_parked() - what waits for a connection, in the order of parking
 * @q: the queue
 *
 * Context: @q->lock.
 * Return: the commands, linked, or NULL. The caller owns them.
 */
struct llist_node *nbd_take_parked(struct nbd_queue *q)
	__must_hold(&q->lock)
{
	struct llist_node *list = q->parked;
	struct llist_node *node;

	q->parked = NULL;
	llist_for_each(node, list)
		q->waiting--;
	/* Last parked is first on the list. */
	return llist_reverse_order(list);
}

/**
 * nbd_wait() - keep a command for a time, after which it is issued again
 * @q: the queue
 * @cmd: a command that the caller owns
 * @delay: jiffies
 *
 * Context: any.
 * Return: as nbd_park().
 */
bool nbd_wait(struct nbd_queue *q, struct nbd_cmd *cmd, unsigned long delay)
{
	bool waits;

	cmd->ready_at = jiffies + delay;
	spin_lock_bh(&q->lock);
	waits = nbd_may_wait(q);
	if (waits) {
		cmd->node.next = q->fenced;
		q->fenced = &cmd->node;
		q->waiting++;
		/* What waits for longer is looked at again then. */
		if (delay < q->config.fence)
			mod_delayed_work(nbd_recovery_wq, &q->fence_work,
					 delay);
		else
			queue_delayed_work(nbd_recovery_wq, &q->fence_work,
					   delay);
	}
	spin_unlock_bh(&q->lock);
	return waits;
}

/**
 * nbd_take_fenced() - what has waited long enough
 * @q: the queue; its work is queued again for the rest
 * @all: take the others, too
 *
 * Context: @q->lock.
 * Return: the commands, linked, or NULL. The caller owns them.
 */
struct llist_node *nbd_take_fenced(struct nbd_queue *q, bool all)
	__must_hold(&q->lock)
{
	struct llist_node *node, *next, *keep = NULL, *ready = NULL;
	unsigned long now = jiffies;
	unsigned long first = now + MAX_JIFFY_OFFSET;

	llist_for_each_safe(node, next, q->fenced) {
		struct nbd_cmd *cmd = llist_entry(node, struct nbd_cmd, node);

		if (all || time_after_eq(now, cmd->ready_at)) {
			node->next = ready;
			ready = node;
			q->waiting--;
			continue;
		}
		if (time_before(cmd->ready_at, first))
			first = cmd->ready_at;
		node->next = keep;
		keep = node;
	}
	q->fenced = keep;
	if (keep)
		mod_delayed_work(nbd_recovery_wq, &q->fence_work, first - now);
	return ready;
}
