// SPDX-License-Identifier: GPL-2.0-only
/*
 * Users' requests are held back while the driver itself asks the server to
 * flush.
 *
 * Its flush is a request like theirs, so that everything that can happen to one
 * (its connection dies, no answer comes, it has to visit each connection) is
 * dealt with as for theirs; but it has a tag of its own, for all others may be
 * held, and is not held itself.
 */
#include <linux/blk-mq.h>

#include "queue.h"

/**
 * nbd_queue_hold() - RUN to HOLD: park requests instead of sending them
 * @q: the queue
 *
 * After the return none is being issued any more. What is in flight is not
 * touched; nbd_queue_set_mode() ends it.
 *
 * Context: process, may sleep for a socket lock; not to be called again before
 * the end.
 */
void nbd_queue_hold(struct nbd_queue *q)
{
	spin_lock_bh(&q->lock);
	WRITE_ONCE(q->mode, NBD_QUEUE_HOLD);
	spin_unlock_bh(&q->lock);
	/* Waits for those who looked at the mode before. */
	blk_mq_quiesce_queue(q->disk->queue);
	blk_mq_unquiesce_queue(q->disk->queue);
	flush_work(&q->fence_work.work);
}

/**
 * nbd_queue_flush() - have the server flush what it has acknowledged
 * @q: a queue in RUN or HOLD
 *
 * An error that the server answers is the users' business: the next flush of
 * theirs fails for it.
 *
 * Context: process, sleeps, for the request timeout at most; one caller at a
 * time, who excludes other changes of the configuration.
 * Return: 0; -EAGAIN or -EBUSY while settings of the disk are being changed;
 * what the server answered; -EIO when no connection is left to ask on.
 */
int nbd_queue_flush(struct nbd_queue *q)
{
	const blk_mq_req_flags_t how = BLK_MQ_REQ_RESERVED | BLK_MQ_REQ_NOWAIT;
	struct nbd_cmd *cmd;
	struct request *rq;
	blk_status_t status;

	/*
	 * Never waits: somebody may have frozen the queue, for requests to end
	 * that we hold.
	 */
	rq = blk_mq_alloc_request(q->disk->queue, REQ_OP_DRV_OUT, how);
	if (IS_ERR(rq))
		return PTR_ERR(rq);
	cmd = blk_mq_rq_to_pdu(rq);
	cmd->error = 0;
	status = blk_execute_rq(rq, false);
	if (cmd->error)
		WRITE_ONCE(q->flush_error, true);
	blk_mq_free_request(rq);
	return blk_status_to_errno(status);
}
