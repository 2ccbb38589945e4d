// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the block layer calls: a request is prepared and queued, a batch is sent,
 * a timeout is looked into.
 */
#include <linux/bitmap.h>
#include <linux/sched/clock.h>
#include <linux/sched/rt.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>

#include "compat/block.h"
#include "extra.h"
#include "gather.h"
#include "queue.h"

/* While something takes its time, see about so often in a timeout if there is a server. */
#define NBD_LISTENS		4
/* Nothing is saved by sending more than this at once. */
#define NBD_FULL_BURST		SZ_256K

/**
 * struct nbd_hctx - a hardware queue
 * @kick: connections that got commands in the present batch
 * @left: connections whose commands were left to gather
 * @payload: bytes to be written in the present batch
 * @last: index of the connection that got the last command
 * @gather: shall the next batch wait for more?
 *
 * All but @kick are guesses, changed by anybody: what is left is sent anyway.
 */
struct nbd_hctx {
	DECLARE_BITMAP(kick, NBD_MAX_CONNECTIONS);
	DECLARE_BITMAP(left, NBD_MAX_CONNECTIONS);
	unsigned int payload;
	unsigned int last;
	struct nbd_gather gather;
};

static struct nbd_queue *nbd_queue_of(struct request *rq)
{
	return rq->q->queuedata;
}

/* --- preparing ------------------------------------------------------- */

/* No news for the log: the caller has another way. */
static blk_status_t nbd_refuse(struct request *rq)
{
	rq->rq_flags |= RQF_QUIET;
	return BLK_STS_NOTSUPP;
}

static blk_status_t nbd_zeroing(struct nbd_queue *q, struct request *rq,
				u32 *type)
{
	bool unmap = !(rq->cmd_flags & REQ_NOUNMAP);

	*type = nbd_zeroes_type(q->config.flags, q->config.zeroes, unmap);
	if (*type & NBD_CMD_FLAG_FAST_ZERO &&
	    nbd_zeroes_refused(&q->zeroes[unmap]))
		return nbd_refuse(rq);
	return BLK_STS_OK;
}

static blk_status_t nbd_command_type(struct nbd_queue *q, struct request *rq,
				     u32 *type)
{
	switch (req_op(rq)) {
	case REQ_OP_READ:
		*type = NBD_CMD_READ;
		return BLK_STS_OK;
	case REQ_OP_WRITE:
		*type = NBD_CMD_WRITE;
		if (rq->cmd_flags & REQ_FUA)
			*type |= NBD_CMD_FLAG_FUA;
		return BLK_STS_OK;
	case REQ_OP_FLUSH:
	case REQ_OP_DRV_OUT:	/* our own, see hold.c */
		*type = NBD_CMD_FLUSH;
		return BLK_STS_OK;
	case REQ_OP_DISCARD:
		*type = NBD_CMD_TRIM;
		return BLK_STS_OK;
	case REQ_OP_WRITE_ZEROES:
		return nbd_zeroing(q, rq, type);
	default:
		return BLK_STS_NOTSUPP;
	}
}

static blk_status_t nbd_prepare(struct nbd_queue *q, struct request *rq,
				struct nbd_cmd *cmd)
{
	blk_status_t status = nbd_command_type(q, rq, &cmd->type);

	if (status)
		return status;

	cmd->payload = 0;
	cmd->expect = 0;
	cmd->bio = NULL;
	cmd->error = 0;
	cmd->tries = 0;
	/* The tag's last request left its state behind. */
	nbd_cmd_withdraw(cmd);
	switch (req_op(rq)) {
	case REQ_OP_READ:
		cmd->expect = blk_rq_bytes(rq);
		cmd->bio = rq->bio;
		break;
	case REQ_OP_WRITE:
		cmd->payload = blk_rq_bytes(rq);
		cmd->bio = rq->bio;
		break;
	case REQ_OP_FLUSH:
	case REQ_OP_DRV_OUT:
		cmd->flush_at = 0;
		nbd_loss_prepare(&q->loss, cmd);
		nbd_extra_prepare_flush(q, cmd);
		break;
	default:
		break;
	}
	if (nbd_cmd_changes_data(cmd) && q->config.flags & NBD_FLAG_READ_ONLY)
		return BLK_STS_IOERR;
	return BLK_STS_OK;
}

/* --- sending --------------------------------------------------------- */

static void nbd_kick_all(struct nbd_queue *q, struct nbd_hctx *mine,
			 unsigned long *which, bool gather)
{
	unsigned int i;

	for_each_set_bit(i, which, q->config.nr_conns) {
		if (gather)
			set_bit(i, mine->left);
		/* Ordered before the look at the connection's queue. */
		if (test_and_clear_bit(i, which))
			nbd_conn_kick(q->config.conns[i], gather);
	}
}

static void nbd_kick_pending(struct nbd_queue *q, struct nbd_hctx *mine)
{
	/* A sender may never get the CPU of a real-time task that polls. */
	bool at_once = mine->payload >= NBD_FULL_BURST || rt_task(current);
	bool gather = nbd_gather_more(&mine->gather, current, current->nvcsw,
				      local_clock(), at_once);

	mine->payload = 0;
	nbd_kick_all(q, mine, mine->kick, gather);
	if (!gather)
		nbd_kick_all(q, mine, mine->left, false);
}

static void nbd_judge_gathering(struct nbd_queue *q, struct nbd_hctx *mine)
{
	unsigned int last = mine->last;
	bool waiting = last < q->config.nr_conns &&
		       !llist_empty(&q->config.conns[last]->queue);

	nbd_gather_judge(&mine->gather, current, current->nvcsw, waiting);
}

static blk_status_t nbd_queue_rq(struct blk_mq_hw_ctx *hctx,
				 const struct blk_mq_queue_data *bd)
{
	struct nbd_queue *q = hctx->queue->queuedata;
	struct nbd_hctx *mine = hctx->driver_data;
	struct nbd_cmd *cmd = blk_mq_rq_to_pdu(bd->rq);
	struct nbd_conn *conn;
	blk_status_t status;

	/* Pairs with nbd_queue_open(): who sees it open sees its config. */
	if (smp_load_acquire(&q->mode) == NBD_QUEUE_OFF)
		return BLK_STS_IOERR;
	status = nbd_prepare(q, bd->rq, cmd);
	if (status)
		return status;

	if (mine->gather.left)
		nbd_judge_gathering(q, mine);
	mine->payload += cmd->payload;
	blk_mq_start_request(bd->rq);
	conn = nbd_queue_issue(q, cmd);
	if (conn) {
		set_bit(conn->index, mine->kick);
		mine->last = conn->index;
	}
	if (bd->last)
		nbd_kick_pending(q, mine);
	return BLK_STS_OK;
}

static void nbd_commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	struct nbd_queue *q = hctx->queue->queuedata;

	/* Pairs with nbd_queue_open(). */
	if (smp_load_acquire(&q->mode) != NBD_QUEUE_OFF)
		nbd_kick_pending(q, hctx->driver_data);
}

/* --- timeouts -------------------------------------------------------- */

/*
 * Never completes anything: an overdue command costs its connection, and
 * failure work takes it from there. A command that is parked or fenced is the
 * dead-link timer's business.
 */
static enum blk_eh_timer_return nbd_timeout(struct request *rq)
{
	struct nbd_queue *q = nbd_queue_of(rq);
	struct nbd_cmd *cmd = blk_mq_rq_to_pdu(rq);
	unsigned long timeout = READ_ONCE(q->config.timeout);
	u64 state = nbd_cmd_state(cmd);
	unsigned long extra, turn, again;
	struct nbd_conn *conn;

	if (!timeout || !(state & NBD_CMD_ISSUED))
		return BLK_EH_RESET_TIMER;

	conn = q->config.conns[nbd_cmd_conn(state)];
	extra = nbd_extra_time(&q->config);
	turn = nbd_extra_turn(&q->config, cmd);
	if (nbd_conn_overdue(conn, cmd, turn, timeout + extra, &again)) {
		/* First this: the slot may have another socket after a while. */
		nbd_conn_fail(conn, -ETIMEDOUT);
		pr_warn_ratelimited("%s: connection %u (%s): no answer to a %s for %u s\n",
				    q->device, conn->index, conn->peer,
				    nbd_command_name(cmd->type),
				    jiffies_to_msecs(timeout + extra) / 1000);
		again = timeout;
	} else if (extra && again <= extra) {
		/* On the time for what takes long: is there still a server? */
		nbd_conn_listen(conn, timeout);
		again = min(again, timeout / NBD_LISTENS);
	}
	/* What takes long may be over soon, and with it the time for what is behind it. */
	rq->timeout = clamp(again, 1UL, timeout);
	return BLK_EH_RESET_TIMER;
}

/* --- hardware queues ------------------------------------------------- */

static int nbd_init_hctx(struct blk_mq_hw_ctx *hctx, void *data,
			 unsigned int index)
{
	struct nbd_hctx *mine = kzalloc(sizeof(*mine), GFP_KERNEL);

	hctx->driver_data = mine;
	return mine ? 0 : -ENOMEM;
}

static void nbd_exit_hctx(struct blk_mq_hw_ctx *hctx, unsigned int index)
{
	kfree(hctx->driver_data);
	hctx->driver_data = NULL;
}

static void nbd_show_rq(struct seq_file *m, struct request *rq)
{
	struct nbd_cmd *cmd = blk_mq_rq_to_pdu(rq);
	u64 state = nbd_cmd_state(cmd);

	seq_printf(m, ", .nbd={%s, connection=%u, state=%#x, tries=%u}",
		   nbd_command_name(cmd->type), nbd_cmd_conn(state),
		   (u32)(state & NBD_CMD_FLAGS), cmd->tries);
}

const struct blk_mq_ops nbd_mq_ops = {
	.queue_rq	= nbd_queue_rq,
	.commit_rqs	= nbd_commit_rqs,
	.timeout	= nbd_timeout,
	.init_hctx	= nbd_init_hctx,
	.exit_hctx	= nbd_exit_hctx,
	.show_rq	= nbd_show_rq,
};
