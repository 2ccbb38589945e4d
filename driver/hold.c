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
#include <linux/completion.h>
#include <linux/refcount.h>
#include <linux/slab.h>

#include "compat/block.h"
#include "queue.h"

/**
 * nbd_queue_hold() - RUN to HOLD: park requests instead of sending them
 * @q: the queue
 *
 * After the return none is being issued any more, but for what failure work
 * takes back from connections that were failing. What is in flight is not
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
	nbd_wait_dispatched(q->disk, q->set);
	flush_work(&q->fence_work.work);
}

/**
 * struct nbd_own_flush - a flush of ours
 * @ref: the one who waits, and the request
 * @done: the request has ended
 * @status: how
 */
struct nbd_own_flush {
	refcount_t ref;
	struct completion done;
	blk_status_t status;
};

static void nbd_own_flush_put(struct nbd_own_flush *own)
{
	if (refcount_dec_and_test(&own->ref))
		kfree(own);
}

static enum rq_end_io_ret nbd_own_flush_end(NBD_END_IO_ARGS)
{
	struct nbd_own_flush *own = rq->end_io_data;

	own->status = status;
	complete(&own->done);
	nbd_own_flush_put(own);
	return RQ_END_IO_FREE;
}

static int nbd_own_flush_start(struct nbd_queue *q, struct nbd_own_flush *own)
{
	const blk_mq_req_flags_t how = BLK_MQ_REQ_RESERVED | BLK_MQ_REQ_NOWAIT;
	struct request *rq;

	/*
	 * Never waits: somebody may have frozen the queue, for requests to end
	 * that we hold.
	 */
	rq = blk_mq_alloc_request(q->disk->queue, REQ_OP_DRV_OUT, how);
	if (IS_ERR(rq))
		return -EAGAIN;
	refcount_inc(&own->ref);
	rq->end_io = nbd_own_flush_end;
	rq->end_io_data = own;
	/* First: what is before it may wait for a tag that we hold. */
	blk_execute_rq_nowait(rq, true);
	return 0;
}

/**
 * nbd_queue_flush() - have the server flush what it has acknowledged
 * @q: a queue in HOLD with nothing in flight
 * @timeout: jiffies after which nobody waits any more; the flush ends whenever
 *	it does
 *
 * An error that the server answers is the users' business: the next flush of
 * theirs fails for it.
 *
 * Context: process, sleeps; the caller excludes other changes of the
 * configuration.
 * Return: 0; -EAGAIN while settings of the disk are being changed, or while
 * the last flush has not ended; -ETIMEDOUT; what the server answered; -EIO when
 * the connection went; -ENOMEM.
 */
int nbd_queue_flush(struct nbd_queue *q, unsigned long timeout)
{
	struct nbd_own_flush *own = kzalloc(sizeof(*own), GFP_NOIO);
	int ret;

	if (!own)
		return -ENOMEM;
	refcount_set(&own->ref, 1);
	init_completion(&own->done);
	ret = nbd_own_flush_start(q, own);
	if (!ret && !wait_for_completion_io_timeout(&own->done, timeout))
		ret = -ETIMEDOUT;
	else if (!ret)
		ret = blk_status_to_errno(own->status);
	nbd_own_flush_put(own);
	return ret;
}
