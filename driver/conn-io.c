// SPDX-License-Identifier: GPL-2.0-only
/*
 * One connection: sending and receiving.
 *
 * Who sends: whoever submits, for the sake of latency. If more requests are
 * likely to follow at once, a thread that does not preempt the submitter, so
 * that they gather for one burst. The io work, when a full socket has room again.
 *
 * Who receives: for TCP the softirq that brings the data; the io work for other
 * sockets, and when the softirq finds the socket in use. The io work has a
 * high priority: until replies are received nobody else has anything to do. That is
 * not so while a large payload is copied: a work of usual priority does it, which
 * may run on another CPU than the server.
 */
#include <linux/cred.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched/clock.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <uapi/linux/sched/types.h>

#include "compat/work.h"
#include "conn-io.h"
#include "trace.h"

/* Bytes that one round of receiving takes before it looks at sending again. */
#define NBD_IO_BUDGET		(256u << 10)
/* After this long the io work lets others have the CPU. */
#define NBD_IO_SLICE_NS		(2 * NSEC_PER_MSEC)

/* Measured so many times. */
#define NBD_IO_SWITCHES		16

/* When there was no memory to send with. */
#define NBD_IO_AGAIN		(HZ / 50 + 1)

static struct workqueue_struct *nbd_io_wq;
static struct workqueue_struct *nbd_bulk_wq;
/* Threads that send what has gathered; a connection always uses the same. */
static struct kthread_worker **nbd_senders;
static unsigned int nbd_nr_senders;
/* Nanoseconds to have another thread do something and come back. */
static u64 nbd_switch_ns = U64_MAX;
static atomic_t nbd_next_sender;
/* The submitter's credentials must not decide what a socket may do. */
static const struct cred *nbd_cred;

static void nbd_io_complete(struct nbd_conn *conn, struct llist_node *list)
{
	struct llist_node *node;

	atomic_inc(&conn->completing);
	/* Pairs with nbd_queue_answering(). */
	smp_mb__after_atomic();
	for (node = list; node; node = node->next)
		nbd_conn_uncount(conn, llist_entry(node, struct nbd_cmd, node),
				 true);
	/* Pairs with nbd_conn_drain(): the last of both sees the other. */
	smp_mb__after_atomic();
	conn->ops->complete(conn, list);
	/* Pairs with nbd_queue_answering(): what was acknowledged is noted. */
	atomic_dec_return_release(&conn->completing);
	if (unlikely(test_bit(NBD_CONN_DRAINING, &conn->flags)) &&
	    !atomic_read(&conn->in_flight))
		nbd_conn_fail(conn, -ESHUTDOWN);
}

/* --- sending --------------------------------------------------------- */

static unsigned int nbd_io_window(const struct nbd_conn *conn)
{
	u32 wire = conn->tx.begun - READ_ONCE(conn->replies);

	return wire < conn->depth ? conn->depth - wire : 0;
}

static void nbd_io_account_sent(struct nbd_conn *conn, size_t bytes)
{
	struct nbd_cmd *cmd;

	WRITE_ONCE(conn->tx_at, jiffies);
	while ((cmd = nbd_tx_sent(&conn->tx, &bytes))) {
		cmd->node.next = NULL;
		if (nbd_cmd_sent(cmd))
			nbd_io_complete(conn, &cmd->node);
	}
}

/*
 * What to send next. When the depth allows nothing more, the receiver is asked
 * to queue the io work; a reply that came meanwhile may not have seen that.
 */
static bool nbd_io_next(struct nbd_conn *conn, struct nbd_tx_piece *piece)
	__must_hold(&conn->tx_lock)
{
	if (nbd_tx_next(&conn->tx, nbd_io_window(conn), piece))
		return true;
	if (!conn->tx.first)
		return false;
	set_bit(NBD_CONN_STALLED, &conn->flags);
	/* Pairs with nbd_io_pause(). */
	smp_mb__after_atomic();
	return nbd_tx_next(&conn->tx, nbd_io_window(conn), piece);
}

/* Send what is queued, as far as the socket and the depth allow. */
static void nbd_io_transmit(struct nbd_conn *conn)
	__must_hold(&conn->tx_lock)
{
	struct nbd_tx_piece piece;
	ssize_t ret;

	/* Once DOWN the transmitter stays empty, see nbd_conn_late_work(). */
	if (!nbd_conn_live(conn))
		return;
	nbd_tx_add(&conn->tx, llist_reverse_order(llist_del_all(&conn->queue)));
	while (nbd_conn_live(conn) && nbd_io_next(conn, &piece)) {
		ret = nbd_sock_send(&conn->sock, piece.iter, piece.more,
				    piece.payload);
		trace_nbd_burst(conn->dev_index, conn->index, piece.begun, ret,
				iov_iter_count(piece.iter));
		if (ret == -EAGAIN)
			return;
		if (ret == -ENOBUFS || ret == -ENOMEM) {
			/* No event will tell when there is memory again. */
			mod_delayed_work(nbd_bulk_wq, &conn->again_work,
					 NBD_IO_AGAIN);
			return;
		}
		if (ret < 0) {
			nbd_conn_fail(conn, ret);
			return;
		}
		nbd_io_account_sent(conn, ret);
	}
}

/* A burst: no waiting for reclaim, and the kernel's own credentials. */
static void nbd_io_burst(struct nbd_conn *conn)
	__must_hold(&conn->tx_lock)
{
	unsigned int noreclaim = memalloc_noreclaim_save();
	const struct cred *old = override_creds(nbd_cred);

	nbd_io_transmit(conn);
	revert_creds(old);
	memalloc_noreclaim_restore(noreclaim);
}

/**
 * nbd_conn_queue() - give a command to a connection
 * @conn: the connection; it need not be live any more, then @late_work of it
 *	hands the command to nbd_conn_ops.retry
 * @cmd: prepared command that the caller owns
 * @from: offset in bytes
 * @len: length in bytes
 * @tag: what nbd_conn_ops.lookup is to find it by
 *
 * Nothing is sent before nbd_conn_kick().
 *
 * Context: any that may take a spinlock; the configuration must not go away.
 */
void nbd_conn_queue(struct nbd_conn *conn, struct nbd_cmd *cmd, u64 from,
		    u32 len, u32 tag)
{
	u32 generation = atomic_inc_return(&conn->issues);

	nbd_encode_request(&cmd->hdr, cmd->type, nbd_cookie(generation, tag),
			   from, len);
	trace_nbd_send_request(&cmd->hdr, conn->dev_index, nbd_trace_request(cmd));
	nbd_cmd_issue(cmd, generation, conn->index);
	if (nbd_conn_count(conn, cmd) == 1)
		WRITE_ONCE(conn->progress_at, local_clock());
	/*
	 * llist_add() is a full barrier: either failure work, which leaves LIVE
	 * first and empties the queue afterwards, finds the command, or the
	 * test below finds that the connection is not live.
	 */
	llist_add(&cmd->node, &conn->queue);
	if (!nbd_conn_live(conn))
		queue_work(nbd_recovery_wq, &conn->late_work);
}

/**
 * nbd_conn_kick() - see that queued commands are sent
 * @conn: the connection
 * @gather: more commands are likely to follow at once
 *
 * Sends right here, unless somebody else is sending or more is to be gathered.
 *
 * Context: process, may sleep for the socket lock, never for the network.
 */
void nbd_conn_kick(struct nbd_conn *conn, bool gather)
{
	if (gather) {
		kthread_queue_work(conn->sender, &conn->send_work);
		return;
	}
	if (llist_empty(&conn->queue))
		return;
	if (mutex_trylock(&conn->tx_lock)) {
		nbd_io_burst(conn);
		mutex_unlock(&conn->tx_lock);
	}
	/*
	 * Whoever holds the lock may have looked at the queue before the
	 * caller's command was there. Unlocking and adding are both ordered
	 * against this test, so one of the two sees it.
	 */
	if (!llist_empty(&conn->queue) && nbd_conn_live(conn))
		kthread_queue_work(conn->sender, &conn->send_work);
}

static void nbd_io_send(struct nbd_conn *conn)
{
	mutex_lock(&conn->tx_lock);
	nbd_io_burst(conn);
	mutex_unlock(&conn->tx_lock);
}

static void nbd_io_send_work(struct kthread_work *work)
{
	nbd_io_send(container_of(work, struct nbd_conn, send_work));
}

/* --- receiving ------------------------------------------------------- */

static struct nbd_conn *nbd_io_of_rx(struct nbd_rx *rx)
{
	return container_of(rx, struct nbd_conn, rx);
}

/* nbd_rx_ops.reply: proto.md, "Simple reply message" */
static int nbd_io_reply(struct nbd_rx *rx, const struct nbd_reply_info *info)
{
	struct nbd_conn *conn = nbd_io_of_rx(rx);
	struct nbd_cmd *cmd;
	bool claimed;

	cmd = conn->ops->lookup(conn, nbd_cookie_tag(info->cookie));
	if (!cmd)
		return -EBADMSG;
	claimed = nbd_cmd_claim(cmd, nbd_cookie_generation(info->cookie),
				conn->index);
	conn->ops->unlook(conn);
	/*
	 * Several tags may lead to the same command. Only once it is claimed nobody
	 * writes another cookie to its header; if this is not the one, failure
	 * work takes it back.
	 */
	if (!claimed || nbd_cmd_cookie(cmd) != info->cookie)
		return -EBADMSG;

	/* From here on the command cannot end without this connection. */
	trace_nbd_header_received(nbd_trace_request(cmd), info->cookie);
	cmd->error = info->error;
	conn->rx_cmd = cmd;
	conn->rx_left = cmd->expect;
	conn->rx_mark = cmd->expect;
	nbd_cursor_start(&conn->rx_cursor,
			 cmd->expect && !cmd->error ? cmd->bio : NULL,
			 ITER_DEST);
	return 0;
}

/* The server has done something about a command. */
static void nbd_io_progress(struct nbd_conn *conn, const struct nbd_cmd *cmd)
{
	u32 epoch = cmd->seq >> NBD_PROGRESS_SHIFT;
	struct nbd_progress *slot =
		&conn->progress[epoch % NBD_PROGRESS_BUCKETS];

	if (nbd_epoch_diff(epoch, slot->epoch) >= 0) {
		WRITE_ONCE(slot->epoch, epoch);
		WRITE_ONCE(slot->at, jiffies);
	}
}

/* nbd_rx_ops.more: the cursor is always at the bio that comes next. */
static size_t nbd_io_more(struct nbd_rx *rx)
{
	struct nbd_conn *conn = nbd_io_of_rx(rx);

	if (!conn->rx_cursor.bio)
		return 0;
	rx->iter = conn->rx_cursor.iter;
	nbd_cursor_next(&conn->rx_cursor);
	conn->rx_left -= iov_iter_count(&rx->iter);
	return iov_iter_count(&rx->iter);
}

/* A large answer takes its time on a slow network: is there enough to go on? */
static void nbd_io_account_part(struct nbd_conn *conn)
{
	u32 left = conn->rx_left + conn->rx.left;

	if (conn->rx_mark - left < NBD_PROGRESS_BYTES)
		return;
	conn->rx_mark = left;
	nbd_io_progress(conn, conn->rx_cmd);
}

static void nbd_io_account_reply(struct nbd_conn *conn,
				 const struct nbd_cmd *cmd)
{
	nbd_io_progress(conn, cmd);
	WRITE_ONCE(conn->replies, conn->replies + 1);
	conn->stats.requests++;
	conn->stats.bytes_written += cmd->payload;
	if (cmd->error) {
		conn->stats.errors++;
		return;
	}
	conn->stats.bytes_read += cmd->expect;
	if (nbd_cmd_writes_zeroes(cmd))
		conn->zeroed += be32_to_cpu(cmd->hdr.len);
}

/* nbd_rx_ops.done */
static void nbd_io_done(struct nbd_rx *rx)
{
	struct nbd_conn *conn = nbd_io_of_rx(rx);
	struct nbd_cmd *cmd = conn->rx_cmd;

	conn->rx_cmd = NULL;
	trace_nbd_payload_received(nbd_trace_request(cmd), nbd_cmd_cookie(cmd));
	nbd_io_account_reply(conn, cmd);
	if (nbd_cmd_replied(cmd)) {
		cmd->node.next = conn->rx_done;
		conn->rx_done = &cmd->node;
	}
}

/* nbd_rx_ops.pause: completions are batched, sending may go on. */
static void nbd_io_pause(struct nbd_rx *rx)
{
	struct nbd_conn *conn = nbd_io_of_rx(rx);
	struct llist_node *done = conn->rx_done;

	if (conn->rx_cmd)
		nbd_io_account_part(conn);
	if (done) {
		conn->rx_done = NULL;
		nbd_io_complete(conn, llist_reverse_order(done));
	}
	/* Pairs with nbd_io_next(). */
	smp_mb();
	if (test_bit(NBD_CONN_STALLED, &conn->flags) &&
	    test_and_clear_bit(NBD_CONN_STALLED, &conn->flags))
		queue_work(nbd_io_wq, &conn->io_work);
}

static const struct nbd_rx_ops nbd_io_rx_ops = {
	.reply	= nbd_io_reply,
	.more	= nbd_io_more,
	.done	= nbd_io_done,
	.pause	= nbd_io_pause,
};

/* True when there may be more to receive. */
static bool nbd_io_received(struct nbd_conn *conn, ssize_t ret)
{
	if (ret < 0 && ret != -EAGAIN)
		nbd_conn_fail(conn, ret);
	return ret > 0;
}

static bool nbd_io_receive_once(struct nbd_conn *conn)
	__must_hold(&conn->rx_lock)
{
	/* Fully ordered; pairs with nbd_io_look(). */
	if (!test_and_clear_bit(NBD_CONN_READ, &conn->flags))
		return false;
	if (!nbd_io_received(conn, nbd_sock_receive(&conn->sock, &conn->rx,
						    NBD_IO_BUDGET)))
		return false;
	set_bit(NBD_CONN_READ, &conn->flags);
	return true;
}

/* Receive, unless the other work does: it looks again when it is through. */
static bool nbd_io_receive(struct nbd_conn *conn)
{
	bool more = false;

	while (!more && test_bit(NBD_CONN_READ, &conn->flags)) {
		/* Pairs with the barrier below, of the other work. */
		smp_mb();
		if (!mutex_trylock(&conn->rx_lock))
			break;
		more = nbd_io_receive_once(conn);
		mutex_unlock(&conn->rx_lock);
		/* Pairs with the barrier above: the bit, or a lock that is free. */
		smp_mb();
	}
	return more;
}

/* What could not be sent, because the socket or the depth was exhausted. */
static bool nbd_io_unsent(const struct nbd_conn *conn)
{
	return READ_ONCE(conn->tx.first) || !llist_empty(&conn->queue);
}

/* One slice of receiving and sending; true when there may be more to do. */
static bool nbd_io_slice(struct nbd_conn *conn)
{
	unsigned int noreclaim = memalloc_noreclaim_save();
	u64 end = ktime_get_ns() + NBD_IO_SLICE_NS;
	bool more = false;

	/* Receiving takes memory too: vsock answers with credit. */
	do {
		if (!nbd_conn_live(conn))
			break;
		more = nbd_io_receive(conn);
		if (nbd_io_unsent(conn))
			nbd_io_send(conn);
	} while (more && ktime_get_ns() < end);

	memalloc_noreclaim_restore(noreclaim);
	return more;
}

/* Has the peer been silent, while TCP asks it, since an earlier look? */
static bool nbd_io_is_silent(struct nbd_conn *conn)
{
	unsigned long heard, quiet;

	if (!nbd_sock_asks(&conn->sock, &heard)) {
		clear_bit(NBD_CONN_QUIET, &conn->flags);
		return false;
	}
	/* After the other: what comes in between makes it too long, not too short. */
	quiet = jiffies - conn->quiet_at;
	if (test_bit(NBD_CONN_QUIET, &conn->flags) && heard > quiet)
		return quiet >= READ_ONCE(conn->patience);
	set_bit(NBD_CONN_QUIET, &conn->flags);
	conn->quiet_at = jiffies;
	return false;
}

static void nbd_io_check_silence(struct nbd_conn *conn)
{
	if (!nbd_conn_live(conn) || !nbd_io_is_silent(conn))
		return;
	nbd_conn_fail(conn, -ETIMEDOUT);
	pr_warn_ratelimited("%s: connection %u (%s): nothing has come for %u s, not even an acknowledgment\n",
			    conn->device, conn->index, conn->peer,
			    jiffies_to_msecs(jiffies - conn->quiet_at) / 1000);
}

static void nbd_io_work(struct work_struct *work)
{
	struct nbd_conn *conn = container_of(work, struct nbd_conn, io_work);

	if (unlikely(test_bit(NBD_CONN_LISTEN, &conn->flags)) &&
	    test_and_clear_bit(NBD_CONN_LISTEN, &conn->flags))
		nbd_io_check_silence(conn);
	if (nbd_io_slice(conn))
		queue_work(nbd_io_wq, &conn->io_work);
}

/**
 * nbd_conn_listen() - have the io work give the connection up if its peer is gone
 * @conn: the connection
 * @time: jiffies from the first call in which it should have acknowledged what it was
 *	sent, to the last one
 *
 * Context: any; the configuration must not go away.
 */
void nbd_conn_listen(struct nbd_conn *conn, unsigned long time)
{
	WRITE_ONCE(conn->patience, time);
	/* Queueing orders both before the work. */
	set_bit(NBD_CONN_LISTEN, &conn->flags);
	queue_work(nbd_io_wq, &conn->io_work);
}

static void nbd_io_bulk_work(struct work_struct *work)
{
	struct nbd_conn *conn = container_of(work, struct nbd_conn, bulk_work);

	if (nbd_io_slice(conn))
		queue_work(nbd_bulk_wq, &conn->bulk_work);
}

static void nbd_io_again_work(struct work_struct *work)
{
	nbd_io_send(container_of(to_delayed_work(work), struct nbd_conn,
				 again_work));
}

/* --- events of the socket -------------------------------------------- */

static struct nbd_conn *nbd_io_of_sock(struct nbd_sock *sock)
{
	return container_of(sock, struct nbd_conn, sock);
}

static void nbd_io_readable(struct nbd_sock *sock)
{
	nbd_io_look(nbd_io_of_sock(sock));
}

static void nbd_io_writable(struct nbd_sock *sock)
{
	queue_work(nbd_io_wq, &nbd_io_of_sock(sock)->io_work);
}

static void nbd_io_receive_now(struct nbd_sock *sock)
{
	struct nbd_conn *conn = nbd_io_of_sock(sock);

	if (nbd_conn_live(conn))
		nbd_io_received(conn, nbd_sock_receive_now(sock, &conn->rx));
}

const struct nbd_sock_ops nbd_io_sock_ops = {
	.readable	= nbd_io_readable,
	.writable	= nbd_io_writable,
	.receive	= nbd_io_receive_now,
};

/* --- life ------------------------------------------------------------ */

static void nbd_io_stop_senders(void)
{
	while (nbd_nr_senders)
		kthread_destroy_worker(nbd_senders[--nbd_nr_senders]);
	kfree(nbd_senders);
	nbd_senders = NULL;
}

/*
 * A batch task does not preempt the one that wakes it: on a busy CPU it runs
 * when the submitter sleeps, on any idle CPU at once.
 */
static int nbd_io_start_sender(unsigned int i)
{
	const struct sched_attr attr = { .sched_policy = SCHED_BATCH };
	struct kthread_worker *worker;

	worker = kthread_create_worker(0, "nbd-send/%u", i);
	if (IS_ERR(worker))
		return PTR_ERR(worker);
	sched_setattr_nocheck(worker->task, &attr);
	/* Since Linux 6.14 it is created asleep; before, this does nothing. */
	wake_up_process(worker->task);
	nbd_senders[nbd_nr_senders++] = worker;
	return 0;
}

static int nbd_io_start_senders(void)
{
	unsigned int i, count = num_online_cpus();
	int ret = 0;

	nbd_senders = kcalloc(count, sizeof(*nbd_senders), GFP_KERNEL);
	if (!nbd_senders)
		return -ENOMEM;
	for (i = 0; i < count && !ret; i++)
		ret = nbd_io_start_sender(i);
	return ret;
}

/* The least of several times: the others met something else. */
static void nbd_io_measure_switch(void)
{
	unsigned int i;
	u64 start;

	for (i = 0; i < NBD_IO_SWITCHES; i++) {
		start = local_clock();
		kthread_flush_worker(nbd_senders[0]);
		nbd_switch_ns = min(nbd_switch_ns, local_clock() - start);
	}
}

/**
 * nbd_io_switch_ns() - what it takes to have another thread do something
 *
 * Context: any.
 * Return: nanoseconds on this machine, from a wake-up to the next one.
 */
u64 nbd_io_switch_ns(void)
{
	return nbd_switch_ns;
}

/**
 * nbd_io_setup() - get what all connections send and receive with
 *
 * Context: module init.
 * Return: 0 or a negative errno.
 */
int nbd_io_setup(void)
{
	int ret = -ENOMEM;

	nbd_cred = prepare_kernel_cred(&init_task);
	nbd_io_wq = alloc_workqueue("nbd-io", WQ_MEM_RECLAIM | WQ_HIGHPRI |
				    NBD_WQ_PERCPU, 0);
	nbd_bulk_wq = alloc_workqueue("nbd-bulk", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (nbd_cred && nbd_io_wq && nbd_bulk_wq)
		ret = nbd_io_start_senders();
	if (ret)
		nbd_io_exit();
	else
		nbd_io_measure_switch();
	return ret;
}

/**
 * nbd_io_exit() - the end of nbd_io_setup()
 *
 * Context: module exit; no connection exists.
 */
void nbd_io_exit(void)
{
	nbd_io_stop_senders();
	if (nbd_bulk_wq)
		destroy_workqueue(nbd_bulk_wq);
	if (nbd_io_wq)
		destroy_workqueue(nbd_io_wq);
	if (nbd_cred)
		put_cred(nbd_cred);
}

/**
 * nbd_io_init() - prepare a new slot
 * @conn: the slot
 *
 * Context: process.
 */
void nbd_io_init(struct nbd_conn *conn)
{
	unsigned int next = atomic_inc_return(&nbd_next_sender);

	conn->sender = nbd_senders[next % nbd_nr_senders];
	kthread_init_work(&conn->send_work, nbd_io_send_work);
	mutex_init(&conn->rx_lock);
	INIT_WORK(&conn->io_work, nbd_io_work);
	INIT_WORK(&conn->bulk_work, nbd_io_bulk_work);
	INIT_DELAYED_WORK(&conn->again_work, nbd_io_again_work);
}

/**
 * nbd_io_reset() - at the beginning of a stream
 * @conn: a slot that is DOWN and has a new socket
 *
 * Context: process; nobody sends or receives.
 */
void nbd_io_reset(struct nbd_conn *conn)
{
	nbd_rx_init(&conn->rx, &nbd_io_rx_ops);
	conn->rx_cmd = NULL;
	conn->flags = 0;
}

/**
 * nbd_io_look() - have the io work look at the socket
 * @conn: the connection
 *
 * Context: any.
 */
void nbd_io_look(struct nbd_conn *conn)
{
	bool bulk = READ_ONCE(conn->rx.left) > NBD_RX_SMALL;

	/*
	 * Pairs with nbd_io_receive_once(): who takes the bit sees what has
	 * happened to the socket.
	 */
	smp_mb__before_atomic();
	set_bit(NBD_CONN_READ, &conn->flags);
	/* Two works: one that changes its queue may run twice at a time. */
	if (bulk)
		queue_work(nbd_bulk_wq, &conn->bulk_work);
	else
		queue_work(nbd_io_wq, &conn->io_work);
}

/**
 * nbd_io_cancel() - stop sending and receiving
 * @conn: a connection that is not live, with its events stopped
 *
 * A sender may still be at work in the submitter's context, see tx_lock.
 *
 * Context: process, sleeps for a work that is running.
 */
void nbd_io_cancel(struct nbd_conn *conn)
{
	cancel_work_sync(&conn->io_work);
	cancel_work_sync(&conn->bulk_work);
	kthread_cancel_work_sync(&conn->send_work);
	cancel_delayed_work_sync(&conn->again_work);
}
