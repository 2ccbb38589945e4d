// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests on their way: route, park, retry, look up, complete; the life of a
 * queue. What the block layer calls is in mq.c.
 */
#include <linux/sched/clock.h>

#include "compat/block.h"
#include "extra.h"
#include "flush.h"
#include "park.h"

/* Connections that may die with a request before it fails: a poisoned one. */
#define NBD_MAX_TRIES		20

/* Until a flush looks again whether another one is over: each look is a flush, too. */
#define NBD_FLUSH_AGAIN		DIV_ROUND_UP(HZ, 50)

static struct request *nbd_request_of(struct nbd_cmd *cmd)
{
	return blk_mq_rq_from_pdu(cmd);
}

/* --- ending ---------------------------------------------------------- */

/*
 * The block layer writes zeroes instead of a zeroing that is not supported, and
 * takes a flush that is not for one that is not needed: fsync() would succeed.
 */
static bool nbd_may_be_refused(const struct nbd_cmd *cmd)
{
	switch (cmd->type) {
	case NBD_CMD_FLUSH:
	case NBD_CMD_WRITE_ZEROES | NBD_CMD_FLAG_NO_HOLE:
		return false;
	default:
		return true;
	}
}

/**
 * nbd_queue_status() - what the block layer is told about a finished command
 * @cmd: a command that is over
 *
 * For a flush, and for a zeroing that must allocate and may take its time, "not
 * supported" is an error like any other: the server offered it.
 *
 * Context: any.
 * Return: the block layer's status for cmd->error; BLK_STS_IOERR where it has
 * none.
 */
blk_status_t nbd_queue_status(const struct nbd_cmd *cmd)
{
	if (cmd->error == -EOPNOTSUPP && !nbd_may_be_refused(cmd))
		return BLK_STS_IOERR;
	return errno_to_blk_status(cmd->error);
}

static void nbd_end(struct nbd_cmd *cmd, blk_status_t status)
{
	blk_mq_end_request(nbd_request_of(cmd), status);
}

/* A server that cannot zero fast need not be asked each time. */
static void nbd_learn_refusal(struct nbd_queue *q, const struct nbd_cmd *cmd)
{
	bool unmap = !(cmd->type & NBD_CMD_FLAG_NO_HOLE);

	if (cmd->type & NBD_CMD_FLAG_FAST_ZERO)
		nbd_zeroes_refuse(&q->zeroes[unmap]);
}

static void nbd_flush_ended(struct nbd_queue *q, struct nbd_cmd *cmd,
			    blk_status_t status)
{
	if (status) {
		nbd_loss_unflushed(&q->loss, cmd);
	} else {
		nbd_loss_flushed(&q->loss, cmd);
		nbd_extra_flushed(q, cmd);
	}
}

static void nbd_end_answered(struct nbd_queue *q, struct nbd_cmd *cmd,
			     struct io_comp_batch *batch)
{
	struct request *rq = nbd_request_of(cmd);
	blk_status_t status = nbd_queue_status(cmd);

	if (cmd->type == NBD_CMD_FLUSH)
		nbd_flush_ended(q, cmd, status);
	else if (likely(!status))
		nbd_loss_written(&q->loss, cmd);
	if (unlikely(status && blk_rq_is_passthrough(rq)))
		WRITE_ONCE(q->flush_error, true);
	if (unlikely(status == BLK_STS_NOTSUPP)) {
		/* No news for the log: the caller has another way. */
		rq->rq_flags |= RQF_QUIET;
		nbd_learn_refusal(q, cmd);
	}
	/* A batch gives tags back as if none of them were reserved. */
	if (status || blk_rq_is_passthrough(rq) ||
	    !blk_mq_add_to_batch(rq, batch, false, blk_mq_end_request_batch))
		blk_mq_end_request(rq, status);
}

/* --- routing --------------------------------------------------------- */

/* The server's write-back error was the answer to a flush that nobody saw. */
static bool nbd_owes_error(struct nbd_queue *q, struct request *rq)
{
	return unlikely(READ_ONCE(q->flush_error)) &&
	       !blk_rq_is_passthrough(rq) && xchg(&q->flush_error, false);
}

/*
 * The server was restarted, as far as can be seen, with writes that it had
 * acknowledged and not flushed. 1 if the flush that came too late is to fail, 0 if it is
 * to travel, -EAGAIN if that is not known yet.
 */
static int nbd_came_late(struct nbd_queue *q, struct nbd_cmd *cmd,
			 struct nbd_conn *conn)
{
	int late = nbd_loss_flush(&q->loss, cmd, conn, q->config.flush_each);

	if (likely(late <= 0))
		return late;
	/* Logging may take long, and another flush must find it meanwhile. */
	if (q->config.loss_fails)
		nbd_loss_told(&q->loss, cmd);
	pr_warn_ratelimited("%s: connection %u (%s) is newer than writes that were acknowledged and not flushed: if the server was restarted they may be lost, check what is on the disk\n",
			    q->device, conn->index, conn->peer);
	return q->config.loss_fails;
}

/* It did not get as far as its connection, and was @late, or cannot say yet. */
static void nbd_stop_flush(struct nbd_queue *q, struct nbd_cmd *cmd,
			   struct nbd_conn *conn, int late)
{
	bool own = blk_rq_is_passthrough(nbd_request_of(cmd));

	/* Our own must not wait. */
	if (late < 0 && !own && nbd_wait(q, cmd, 1))
		return;
	if (q->config.flush_each)
		nbd_flush_undo(conn, cmd);
	/* Our own fails, too, and the next one of a user with it. */
	if (late > 0 && own)
		WRITE_ONCE(q->flush_error, true);
	nbd_end(cmd, BLK_STS_IOERR);
}

/* Of a connection that is going down, which each flush has to know of. */
static void nbd_note_orphans(struct nbd_queue *q)
{
	nbd_flush_orphaned(q->config.conns, q->config.nr_conns, &q->loss.lost);
}

/* There is no connection for it. Our own must not wait: it is waited for. */
static void nbd_let_wait(struct nbd_queue *q, struct nbd_cmd *cmd)
{
	if (blk_rq_is_passthrough(nbd_request_of(cmd)) || !nbd_park(q, cmd))
		nbd_end(cmd, BLK_STS_IOERR);
	/*
	 * Pairs with nbd_queue_unpark(): either it finds the command on the
	 * list, or we find the connection that it was called for.
	 */
	smp_mb();
	if (READ_ONCE(q->mode) != NBD_QUEUE_HOLD && nbd_queue_live(q))
		nbd_queue_unpark(q);
}

/**
 * nbd_queue_issue() - let a command travel
 * @q: the queue
 * @cmd: prepared, of a started request; the caller owns it
 *
 * Without a live connection, or while requests are held, it is parked or ends.
 *
 * Context: process, may sleep for a socket lock.
 * Return: the connection that got it and must be kicked, or NULL; in either
 * case it is not the caller's any more.
 */
struct nbd_conn *nbd_queue_issue(struct nbd_queue *q, struct nbd_cmd *cmd)
{
	struct request *rq = nbd_request_of(cmd);
	bool flush = cmd->type == NBD_CMD_FLUSH;
	struct nbd_conn *conn = NULL;
	int late;

	if (READ_ONCE(q->mode) == NBD_QUEUE_FAIL ||
	    (flush && nbd_owes_error(q, rq))) {
		nbd_end(cmd, BLK_STS_IOERR);
		return NULL;
	}
	if (flush && q->config.flush_each)
		nbd_note_orphans(q);
	if (READ_ONCE(q->mode) != NBD_QUEUE_HOLD || blk_rq_is_passthrough(rq))
		conn = nbd_queue_route(&q->config, rq->mq_hctx->queue_num, cmd);
	if (!conn) {
		nbd_let_wait(q, cmd);
		return NULL;
	}
	if (flush) {
		late = nbd_came_late(q, cmd, conn);
		if (unlikely(late)) {
			nbd_stop_flush(q, cmd, conn, late);
			return NULL;
		}
	} else {
		nbd_loss_issue(&q->loss, cmd, conn);
	}
	nbd_conn_queue(conn, cmd, flush ? 0 : blk_rq_pos(rq) << SECTOR_SHIFT,
		       flush ? 0 : blk_rq_bytes(rq), blk_mq_unique_tag(rq));
	return conn;
}

static void nbd_reissue(struct nbd_queue *q, struct nbd_cmd *cmd)
{
	struct nbd_conn *conn = nbd_queue_issue(q, cmd);

	if (conn)
		nbd_conn_kick(conn, false);
}

static void nbd_reissue_list(struct nbd_queue *q, struct llist_node *list)
{
	struct llist_node *node, *next;

	llist_for_each_safe(node, next, list)
		nbd_reissue(q, llist_entry(node, struct nbd_cmd, node));
}

/**
 * nbd_queue_unpark() - a connection is live again: let what waits travel
 * @q: the queue
 *
 * Context: process, may sleep for a socket lock.
 */
void nbd_queue_unpark(struct nbd_queue *q)
{
	struct llist_node *list;

	/* Pairs with nbd_queue_issue(). */
	smp_mb();
	spin_lock_bh(&q->lock);
	list = nbd_take_parked(q);
	spin_unlock_bh(&q->lock);
	nbd_reissue_list(q, list);
}

/* A flush was not carried out on a connection: it begins again. */
static void nbd_flush_again(struct nbd_queue *q, struct nbd_conn *conn,
			    struct nbd_cmd *cmd)
{
	nbd_loss_unflushed(&q->loss, cmd);
	if (q->config.flush_each)
		nbd_flush_lost(conn, cmd, &q->loss.lost);
}

/*
 * A flush that has more connections to go to is not over yet, nor is one that has to be
 * told of a loss, or may have to. In how many jiffies it is issued once more; -1 if it is
 * over.
 */
static int nbd_flush_goes_on(struct nbd_queue *q, struct nbd_cmd *cmd)
{
	if (nbd_flush_next(q->config.conns, q->config.nr_conns, cmd))
		return 0;
	/* Did a connection go meanwhile with what it had to cover? In this order. */
	nbd_note_orphans(q);
	if (unlikely(nbd_flush_in_hand(q->config.conns, q->config.nr_conns)))
		return NBD_FLUSH_AGAIN;
	return nbd_loss_missed(&q->loss, cmd) ? 0 : -1;
}

static bool nbd_flush_on(struct nbd_queue *q, struct nbd_conn *conn,
			 struct nbd_cmd *cmd)
{
	int delay = nbd_flush_answered(conn, cmd) ? nbd_flush_goes_on(q, cmd) : -1;

	if (delay < 0)
		return false;
	/* Its time with this connection is over. */
	nbd_cmd_withdraw(cmd);
	/* Not from here: this may be a softirq. */
	if (nbd_wait(q, cmd, delay))
		return true;
	cmd->error = -EIO;
	return false;
}

/* It was answered, but has to be issued again. */
static void nbd_once_more(struct nbd_queue *q, struct nbd_conn *conn,
			  struct nbd_cmd *cmd)
{
	if (cmd->type == NBD_CMD_FLUSH)
		nbd_flush_again(q, conn, cmd);
	nbd_cmd_withdraw(cmd);
	cmd->error = 0;
	/* Not from here: this may be a softirq. */
	if (!nbd_wait(q, cmd, 0))
		nbd_end(cmd, BLK_STS_IOERR);
}

/*
 * The server did not carry it out because it is shutting down: another
 * connection may lead to one that does not, or a new one to one that is back.
 */
static void nbd_shut_down(struct nbd_queue *q, struct nbd_conn *conn,
			  struct nbd_cmd *cmd)
{
	nbd_conn_drain(conn);
	nbd_once_more(q, conn, cmd);
}

/*
 * Does the block layer take its time? Always that of its own flushes, for which it has
 * no flag.
 */
static bool nbd_is_timed(struct request *rq, const struct nbd_cmd *cmd)
{
	if (likely(rq->rq_flags & RQF_IO_STAT))
		return !blk_rq_is_passthrough(rq);
	return rq->rq_flags & RQF_FLUSH_SEQ && cmd->type == NBD_CMD_FLUSH &&
	       blk_queue_io_stat(rq->q);
}

static void nbd_answered(struct nbd_conn *conn, struct nbd_cmd *cmd, u64 now,
			 struct io_comp_batch *batch)
{
	struct request *rq = nbd_request_of(cmd);
	u64 start = rq->start_time_ns;

	if (nbd_is_timed(rq, cmd))
		nbd_latency_add(&conn->times, cmd, now > start ? now - start : 0);
	nbd_end_answered(conn->priv, cmd, batch);
}

/* nbd_conn_ops.complete */
static void nbd_queue_complete(struct nbd_conn *conn, struct llist_node *list)
{
	struct nbd_queue *q = conn->priv;
	bool flush_each = q->config.flush_each;
	DEFINE_IO_COMP_BATCH(batch);
	struct llist_node *node, *next;
	u64 now = ktime_get_ns();

	if (q->config.nr_conns > 1)
		nbd_route_answered(&q->config, conn, list);
	llist_for_each_safe(node, next, list) {
		struct nbd_cmd *cmd = llist_entry(node, struct nbd_cmd, node);

		if (unlikely(blk_should_fake_timeout(nbd_request_of(cmd)->q)))
			nbd_conn_lose(conn, cmd);
		else if (unlikely(cmd->error == -ESHUTDOWN))
			nbd_shut_down(q, conn, cmd);
		else if (unlikely(cmd->type == NBD_CMD_FLUSH && !cmd->error &&
				  nbd_loss_moved(conn, cmd)))
			nbd_once_more(q, conn, cmd);
		else if (likely(!flush_each) || !nbd_flush_on(q, conn, cmd))
			nbd_answered(conn, cmd, now, &batch);
	}
	if (batch.complete)
		batch.complete(&batch);
}

static void nbd_fence_work(struct work_struct *work)
{
	struct nbd_queue *q = container_of(to_delayed_work(work),
					   struct nbd_queue, fence_work);
	struct llist_node *ready;

	spin_lock_bh(&q->lock);
	ready = nbd_take_fenced(q, false);
	spin_unlock_bh(&q->lock);
	nbd_reissue_list(q, ready);
}

/* nbd_conn_ops.retry */
static void nbd_queue_retry(struct nbd_conn *conn, struct nbd_cmd *cmd,
			    bool sent, bool peer)
{
	struct nbd_queue *q = conn->priv;

	if (cmd->type == NBD_CMD_FLUSH)
		nbd_flush_again(q, conn, cmd);
	/* Our own is about this connection, and must not take for ever. */
	if (blk_rq_is_passthrough(nbd_request_of(cmd))) {
		nbd_end(cmd, BLK_STS_IOERR);
		return;
	}
	if (sent && ++cmd->tries > NBD_MAX_TRIES) {
		pr_err_ratelimited("%s: %s ended %u connections, giving it up\n",
				   q->device, nbd_command_name(cmd->type),
				   cmd->tries);
		nbd_end(cmd, BLK_STS_IOERR);
		return;
	}
	/*
	 * The server may still carry out the old copy of a write. Unless it
	 * ended the connection itself, a new copy must wait, or the old one
	 * could land over a later write to the same place.
	 */
	if (sent && !peer && nbd_cmd_changes_data(cmd) && nbd_wait(q, cmd, q->config.fence))
		return;
	nbd_reissue(q, cmd);
}

/* --- looking up ------------------------------------------------------ */

/* nbd_conn_ops.lookup: holds q_usage_counter until nbd_queue_unlook(). */
static struct nbd_cmd *nbd_queue_lookup(struct nbd_conn *conn, u32 tag)
{
	struct nbd_queue *q = conn->priv;
	u16 hwq = blk_mq_unique_tag_to_hwq(tag);
	struct request *rq = NULL;

	if (!percpu_ref_tryget(&q->disk->queue->q_usage_counter))
		return NULL;
	/* A queue that no CPU is mapped to has no tags. */
	if (hwq < q->set->nr_hw_queues && q->set->tags[hwq])
		rq = blk_mq_tag_to_rq(q->set->tags[hwq],
				      blk_mq_unique_tag_to_tag(tag));
	if (!rq || !blk_mq_request_started(rq)) {
		percpu_ref_put(&q->disk->queue->q_usage_counter);
		return NULL;
	}
	return blk_mq_rq_to_pdu(rq);
}

static void nbd_queue_unlook(struct nbd_conn *conn)
{
	struct nbd_queue *q = conn->priv;

	percpu_ref_put(&q->disk->queue->q_usage_counter);
}

struct nbd_sweep {
	struct nbd_conn *conn;
	struct llist_node **taken;
};

static bool nbd_sweep_one(struct request *rq, void *data)
{
	struct nbd_sweep *sweep = data;

	nbd_conn_take(sweep->conn, blk_mq_rq_to_pdu(rq), sweep->taken);
	return true;
}

/*
 * nbd_conn_ops.sweep: one after the other. When a flush ends with an error while two
 * have a reference to it, the block layer forgets the error: see flush_end_io().
 */
static void nbd_queue_sweep(struct nbd_conn *conn, struct llist_node **taken)
{
	struct nbd_queue *q = conn->priv;
	struct nbd_sweep sweep = { .conn = conn, .taken = taken };

	mutex_lock(&q->sweep_lock);
	blk_mq_tagset_busy_iter(q->set, nbd_sweep_one, &sweep);
	mutex_unlock(&q->sweep_lock);
}

/* nbd_conn_ops.emptied, without another socket yet: nobody else can flush what it carried. */
static void nbd_queue_emptied(struct nbd_conn *conn)
{
	struct nbd_queue *q = conn->priv;

	if (q->config.flush_each)
		nbd_flush_emptied(conn, &q->loss.lost);
}

static void nbd_queue_down(struct nbd_conn *conn, int error)
{
	struct nbd_queue *q = conn->priv;

	q->ops->down(q, conn, error);
}

const struct nbd_conn_ops nbd_queue_conn_ops = {
	.lookup		= nbd_queue_lookup,
	.unlook		= nbd_queue_unlook,
	.complete	= nbd_queue_complete,
	.sweep		= nbd_queue_sweep,
	.retry		= nbd_queue_retry,
	.emptied	= nbd_queue_emptied,
	.down		= nbd_queue_down,
};

/* --- life ------------------------------------------------------------ */

/**
 * nbd_queue_init() - make a queue, OFF
 * @q: zeroed memory
 * @ops: its device
 * @device: name for log lines, must outlive it
 *
 * Context: process.
 */
void nbd_queue_init(struct nbd_queue *q, const struct nbd_queue_ops *ops,
		    const char *device)
{
	q->ops = ops;
	q->device = device;
	q->mode = NBD_QUEUE_OFF;
	spin_lock_init(&q->lock);
	mutex_init(&q->sweep_lock);
	INIT_DELAYED_WORK(&q->fence_work, nbd_fence_work);
}

/**
 * nbd_queue_open() - OFF to RUN
 * @q: the queue
 * @config: copied; its connections stay the caller's and must live until
 *	nbd_queue_close() returns
 *
 * Context: process; the caller excludes other changes of the configuration.
 */
void nbd_queue_open(struct nbd_queue *q, const struct nbd_queue_config *config)
{
	unsigned int i;

	q->config = *config;
	memset(q->zeroes, 0, sizeof(q->zeroes));
	nbd_loss_reset(&q->loss);
	q->flush_error = false;
	q->flushed = 0;
	for (i = 0; i < config->nr_conns; i++)
		config->conns[i]->avoid_until = jiffies;
	spin_lock_bh(&q->lock);
	/* Pairs with nbd_queue_rq(). */
	smp_store_release(&q->mode, NBD_QUEUE_RUN);
	spin_unlock_bh(&q->lock);
}

/**
 * nbd_queue_start() - connections get to work: DOWN to LIVE
 * @q: a queue that is not OFF
 * @conns: some of its connections, with adopted sockets
 * @count: how many
 *
 * Context: process; the caller excludes other changes of the configuration.
 */
void nbd_queue_start(struct nbd_queue *q, struct nbd_conn **conns,
		     unsigned int count)
{
	unsigned int i;

	nbd_loss_birth(&q->loss, conns, count);
	for (i = 0; i < count; i++)
		nbd_conn_start(conns[i]);
	nbd_loss_born(&q->loss);
}

/**
 * nbd_queue_close() - FAIL to OFF
 * @q: a queue all of whose connections are down
 *
 * After the return nobody uses the configuration any more.
 *
 * Context: process, sleeps for the end of requests that are ending already.
 */
void nbd_queue_close(struct nbd_queue *q)
{
	unsigned int frozen = nbd_freeze(q->disk->queue);

	WARN_ON_ONCE(q->waiting);
	spin_lock_bh(&q->lock);
	WRITE_ONCE(q->mode, NBD_QUEUE_OFF);
	spin_unlock_bh(&q->lock);
	nbd_unfreeze(q->disk->queue, frozen);
	/*
	 * A queue_rq whose request was completed meanwhile does not keep the
	 * queue from being frozen, but may still be about to kick. Not while
	 * it is frozen: queue_rq takes a socket's lock, under which others wait
	 * for memory.
	 */
	nbd_wait_dispatched(q->disk, q->set);
	cancel_delayed_work_sync(&q->fence_work);
	memset(&q->config, 0, sizeof(q->config));
}

/**
 * nbd_queue_set_mode() - let requests run, or make them fail
 * @q: a queue that is not OFF
 * @mode: NBD_QUEUE_RUN or NBD_QUEUE_FAIL; for HOLD see nbd_queue_hold()
 *
 * On the way to FAIL everything that is parked or fenced ends with an error
 * before the return. What is in flight is not touched.
 *
 * Context: process, may sleep for a socket lock.
 */
void nbd_queue_set_mode(struct nbd_queue *q, enum nbd_queue_mode mode)
{
	struct llist_node *parked, *fenced = NULL;

	spin_lock_bh(&q->lock);
	WRITE_ONCE(q->mode, mode);
	parked = nbd_take_parked(q);
	if (mode == NBD_QUEUE_FAIL)
		fenced = nbd_take_fenced(q, true);
	spin_unlock_bh(&q->lock);
	nbd_reissue_list(q, parked);
	nbd_reissue_list(q, fenced);
}

/**
 * nbd_queue_live() - count connections that may be given commands
 * @q: the queue
 *
 * Context: any; the configuration must not go away.
 * Return: how many.
 */
unsigned int nbd_queue_live(const struct nbd_queue *q)
{
	unsigned int live = 0;
	unsigned int i;

	for (i = 0; i < q->config.nr_conns; i++)
		live += nbd_conn_usable(q->config.conns[i]);
	return live;
}

/**
 * nbd_queue_answering() - are there commands in flight, or answers not yet noted?
 * @q: the queue, into which nothing more is issued
 *
 * A command is not in flight any more before it is noted that the server acknowledged
 * it.
 *
 * Context: any; the configuration must not go away.
 * Return: whether there are, on live connections.
 */
bool nbd_queue_answering(const struct nbd_queue *q)
{
	unsigned int i;

	if (nbd_queue_in_flight(q))
		return true;
	/* Pairs with nbd_io_complete(). */
	smp_mb();
	for (i = 0; i < q->config.nr_conns; i++)
		if (atomic_read(&q->config.conns[i]->completing))
			return true;
	/* What they noted is seen from here on. */
	smp_mb();
	return false;
}

/**
 * nbd_queue_in_flight() - count commands on live connections
 * @q: the queue
 *
 * Context: any; the configuration must not go away.
 * Return: how many.
 */
unsigned int nbd_queue_in_flight(const struct nbd_queue *q)
{
	unsigned int count = 0;
	unsigned int i;

	for (i = 0; i < q->config.nr_conns; i++)
		if (nbd_conn_live(q->config.conns[i]))
			count += atomic_read(&q->config.conns[i]->in_flight);
	return count;
}
