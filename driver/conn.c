// SPDX-License-Identifier: GPL-2.0-only
/*
 * One connection: its life, and its end.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/printk.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "conn-io.h"
#include "trace.h"

/* TCP takes pages of larger payloads by reference; copying these is cheaper. */
#define NBD_CONN_COPY		(8u << 10)

struct workqueue_struct *nbd_recovery_wq;

/**
 * nbd_conn_setup() - get what all connections share
 *
 * Context: module init.
 * Return: 0 or a negative errno.
 */
int nbd_conn_setup(void)
{
	int ret = nbd_io_setup();

	if (ret)
		return ret;
	nbd_recovery_wq = alloc_workqueue("nbd-recovery",
					  WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (nbd_recovery_wq)
		return 0;
	nbd_io_exit();
	return -ENOMEM;
}

/**
 * nbd_conn_exit() - the end of nbd_conn_setup()
 *
 * Context: module exit; no connection exists.
 */
void nbd_conn_exit(void)
{
	destroy_workqueue(nbd_recovery_wq);
	nbd_io_exit();
}

/* --- failing --------------------------------------------------------- */

/**
 * nbd_conn_fail() - take the connection down
 * @conn: the connection
 * @error: why, a negative errno, or 0 for good order; the first one counts
 *
 * Failure work does it; nothing on this path waits. A connection that is not
 * live is left alone.
 *
 * Context: any.
 */
void nbd_conn_fail(struct nbd_conn *conn, int error)
{
	if (atomic_cmpxchg(&conn->state, NBD_CONN_LIVE, NBD_CONN_FAILING) !=
	    NBD_CONN_LIVE)
		return;
	trace_nbd_connection_state(conn->dev_index, conn->index, conn->generation,
				   NBD_CONN_FAILING, error);
	WRITE_ONCE(conn->since, jiffies);
	/* Pairs with nbd_conn_fail_work(), which does nothing before. */
	smp_store_release(&conn->error, error);
	queue_work(nbd_recovery_wq, &conn->fail_work);
}

/**
 * nbd_conn_drain() - the server says that it is shutting down
 * @conn: the connection that it said it on
 *
 * proto.md, "Error values", NBD_ESHUTDOWN. No new commands go there. When the
 * server has answered what it has, which the request timeout bounds, the
 * connection is closed in good order.
 *
 * Context: any; called back from nbd_conn_ops.complete.
 */
void nbd_conn_drain(struct nbd_conn *conn)
{
	/* Fully ordered; pairs with nbd_io_complete(), which closes it. */
	if (test_and_set_bit(NBD_CONN_DRAINING, &conn->flags))
		return;
	pr_warn_ratelimited("%s: connection %u (%s): the server is shutting down, it gets no more requests\n",
			    conn->device, conn->index, conn->peer);
}

static bool nbd_conn_by_peer(int error)
{
	return error == -EPIPE || error == -ECONNRESET;
}

static const char *nbd_conn_reason(int error)
{
	switch (error) {
	case -EPIPE:
		return "the server closed it";
	case -ECONNRESET:
		return "the server reset it";
	case -ETIMEDOUT:
		return "the server did not answer in time";
	case -EPROTO:
		return "the server sent something that is no reply";
	case -EBADMSG:
		return "the server answered a request that it did not have";
	case -ESHUTDOWN:
		return "the server is shutting down";
	case -ECANCELED:
		return "the device is being disconnected";
	default:
		return "network error";
	}
}

/* Good order: the server is told, if the socket can take it right now. */
static void nbd_conn_say_goodbye(struct nbd_conn *conn)
	__must_hold(&conn->tx_lock)
{
	struct nbd_request hdr;
	struct kvec vec = { .iov_base = &hdr, .iov_len = sizeof(hdr) };
	struct iov_iter iter;

	if (!conn->tx.offset) {
		nbd_encode_request(&hdr, NBD_CMD_DISC, 0, 0, 0);
		iov_iter_kvec(&iter, ITER_SOURCE, &vec, 1, sizeof(hdr));
		nbd_sock_send(&conn->sock, &iter, false, false);
	}
	nbd_sock_shutdown(&conn->sock);
}

/**
 * nbd_conn_take() - take a command back if this connection had it on the wire
 * @conn: a connection whose sending and receiving have ended
 * @cmd: any started command of the device
 * @taken: list that it is added to
 *
 * Context: called back from nbd_conn_ops.sweep.
 */
void nbd_conn_take(struct nbd_conn *conn, struct nbd_cmd *cmd,
		   struct llist_node **taken)
{
	u64 state = nbd_cmd_state(cmd);

	/* Not begun to send: whoever holds it is about to find us failing. */
	if (!(state & NBD_CMD_SENDING) || nbd_cmd_conn(state) != conn->index ||
	    nbd_cmd_over(state))
		return;
	nbd_cmd_withdraw(cmd);
	cmd->node.next = *taken;
	*taken = &cmd->node;
}

/**
 * nbd_conn_lose() - forget the reply to a command (fault injection)
 * @conn: the connection
 * @cmd: a command passed to nbd_conn_ops.complete
 *
 * The command is on the wire again, and only a timeout ends it.
 *
 * Context: called back from nbd_conn_ops.complete.
 */
void nbd_conn_lose(struct nbd_conn *conn, struct nbd_cmd *cmd)
{
	nbd_conn_count(conn, cmd);
	atomic64_andnot(NBD_CMD_REPLIED, &cmd->state);
}

static void nbd_conn_retry_list(struct nbd_conn *conn, struct llist_node *list,
				bool sent, int error)
{
	struct llist_node *node, *next;

	llist_for_each_safe(node, next, list) {
		struct nbd_cmd *cmd = llist_entry(node, struct nbd_cmd, node);

		nbd_conn_uncount(conn, cmd, false);
		trace_nbd_requeue(conn->dev_index, conn->index,
				  nbd_trace_request(cmd), nbd_cmd_cookie(cmd),
				  sent);
		conn->ops->retry(conn, cmd, sent, nbd_conn_by_peer(error));
	}
}

/* Commands that nobody began to send: free to go elsewhere at once. */
static struct llist_node *nbd_conn_take_unsent(struct nbd_conn *conn,
					       struct llist_node **sent)
	__must_hold(&conn->tx_lock)
{
	bool partial = conn->tx.offset;
	struct llist_node *list, *node;

	nbd_tx_add(&conn->tx, llist_reverse_order(llist_del_all(&conn->queue)));
	list = nbd_tx_drain(&conn->tx);
	llist_for_each(node, list)
		nbd_cmd_withdraw(llist_entry(node, struct nbd_cmd, node));

	if (partial) {
		node = list;
		list = list->next;
		node->next = *sent;
		*sent = node;
	}
	return list;
}

/* Give back every command of this connection, and of no other. */
static void nbd_conn_take_back(struct nbd_conn *conn, int error)
{
	struct llist_node *unsent, *sent = NULL;

	mutex_lock(&conn->tx_lock);
	unsent = nbd_conn_take_unsent(conn, &sent);
	mutex_unlock(&conn->tx_lock);

	conn->ops->sweep(conn, &sent);
	nbd_conn_retry_list(conn, unsent, false, error);
	nbd_conn_retry_list(conn, sent, true, error);
}

/*
 * Commands that were queued when the connection was not live any more. Only the queue
 * is looked at: it is anybody's, while the transmitter may have a new socket by
 * now. Not a part of the failure work: that may be waiting for the release of its
 * socket, and what releases it for one of these.
 */
static void nbd_conn_late_work(struct work_struct *work)
{
	struct nbd_conn *conn = container_of(work, struct nbd_conn, late_work);
	struct llist_node *list = llist_del_all(&conn->queue);
	unsigned int noreclaim = memalloc_noreclaim_save();
	struct llist_node *node;

	llist_for_each(node, list)
		nbd_cmd_withdraw(llist_entry(node, struct nbd_cmd, node));
	nbd_conn_retry_list(conn, llist_reverse_order(list), false, 0);
	memalloc_noreclaim_restore(noreclaim);
}

/* End the socket; after this nobody sends or receives. */
static void nbd_conn_silence(struct nbd_conn *conn, int error)
{
	bool orderly = !error || error == -ESHUTDOWN;

	nbd_sock_stop(&conn->sock);
	if (!orderly)
		nbd_sock_abort(&conn->sock);
	nbd_io_cancel(conn);

	/* No inline sender still walks a request's pages after this. */
	mutex_lock(&conn->tx_lock);
	if (orderly)
		nbd_conn_say_goodbye(conn);
	mutex_unlock(&conn->tx_lock);
	/* A write that came at the last moment must not stay in the socket. */
	if (orderly && atomic_read(&conn->in_flight))
		nbd_sock_abort(&conn->sock);
}

/*
 * The socket is released last: that waits for locks which others hold while
 * they wait for memory, perhaps for ours.
 */
static void nbd_conn_take_down(struct nbd_conn *conn, int error)
{
	struct nbd_sock sock;

	if (error)
		pr_warn_ratelimited("%s: connection %u (%s) is down: %s (%d)\n",
				    conn->device, conn->index, conn->peer,
				    nbd_conn_reason(error), error);
	nbd_conn_silence(conn, error);
	nbd_conn_take_back(conn, error);
	conn->ops->emptied(conn);
	if (error) {
		WRITE_ONCE(conn->last_error, error);
		WRITE_ONCE(conn->failures, conn->failures + 1);
	}
	WRITE_ONCE(conn->since, jiffies);
	sock = conn->sock;
	conn->sock.sock = NULL;
	WRITE_ONCE(conn->error, NBD_CONN_OK);
	trace_nbd_connection_state(conn->dev_index, conn->index, conn->generation,
				   NBD_CONN_DOWN, error);
	/* Pairs with nbd_conn_down(): from here on the slot may be filled. */
	atomic_set_release(&conn->state, NBD_CONN_DOWN);
	conn->ops->down(conn, error);
	nbd_sock_release(&sock);
}

static void nbd_conn_fail_work(struct work_struct *work)
{
	struct nbd_conn *conn = container_of(work, struct nbd_conn, fail_work);
	unsigned int noreclaim = memalloc_noreclaim_save();
	int error;

	if (atomic_read(&conn->state) == NBD_CONN_FAILING) {
		/* Pairs with nbd_conn_fail(), which queues this again. */
		error = smp_load_acquire(&conn->error);
		if (error != NBD_CONN_OK)
			nbd_conn_take_down(conn, error);
	}
	memalloc_noreclaim_restore(noreclaim);
}

static unsigned long nbd_later(unsigned long a, unsigned long b)
{
	return time_after(a, b) ? a : b;
}

/**
 * nbd_conn_overdue() - has the server had long enough for a command?
 * @conn: the connection that has it
 * @cmd: a command that its holder keeps from being reused
 * @since: jiffies before which it could not be its turn
 * @timeout: jiffies allowed
 * @again: jiffies after which to ask again, set when the answer is no
 *
 * A slow server that works through its requests is healthy: what counts is the
 * time since the command was sent, since the socket last took a byte of it,
 * and since a command sent before it (to NBD_PROGRESS_SHIFT's grain) was
 * answered, or NBD_PROGRESS_BYTES of its payload arrived. A command that waits behind
 * others is their business.
 *
 * Context: any.
 * Return: true when the connection should be given up.
 */
bool nbd_conn_overdue(struct nbd_conn *conn, const struct nbd_cmd *cmd,
		      unsigned long since, unsigned long timeout,
		      unsigned long *again)
{
	u64 state = atomic64_read(&cmd->state);
	unsigned long now = jiffies, last;
	unsigned int i;
	u32 epoch;

	*again = timeout;
	if (!(state & NBD_CMD_SENDING) || !nbd_conn_live(conn))
		return false;
	/* Pairs with nbd_cmd_sending(). */
	smp_rmb();
	epoch = READ_ONCE(cmd->seq) >> NBD_PROGRESS_SHIFT;
	last = nbd_later(READ_ONCE(cmd->sent_at), since);
	if (!(state & NBD_CMD_SENT))
		last = nbd_later(last, READ_ONCE(conn->tx_at));
	for (i = 0; i < NBD_PROGRESS_BUCKETS; i++) {
		const struct nbd_progress *slot = &conn->progress[i];

		if (nbd_epoch_diff(READ_ONCE(slot->epoch), epoch) <= 0)
			last = nbd_later(last, READ_ONCE(slot->at));
	}
	/* The last answer may be younger than now. */
	if (time_after_eq(now, last + timeout))
		return true;
	*again = last + timeout - now;
	return false;
}

/* --- life ------------------------------------------------------------ */

/**
 * nbd_conn_alloc() - make a slot, DOWN
 * @ops: its user, must outlive it
 * @priv: its user's data
 * @device: name for log lines, must outlive it
 * @dev_index: the number in it
 * @index: number of the slot
 * @depth: commands that may be on the wire
 *
 * Context: process, may sleep.
 * Return: the slot, to be freed with nbd_conn_free(), or NULL.
 */
struct nbd_conn *nbd_conn_alloc(const struct nbd_conn_ops *ops, void *priv,
				const char *device, int dev_index, u16 index,
				u32 depth)
{
	struct nbd_conn *conn = kzalloc(sizeof(*conn), GFP_KERNEL);

	if (!conn)
		return NULL;
	conn->ops = ops;
	conn->priv = priv;
	conn->device = device;
	conn->dev_index = dev_index;
	conn->index = index;
	conn->depth = depth;
	conn->error = NBD_CONN_OK;
	atomic_set(&conn->state, NBD_CONN_DOWN);
	init_llist_head(&conn->queue);
	mutex_init(&conn->tx_lock);
	nbd_tx_init(&conn->tx, 0);
	nbd_io_init(conn);
	INIT_WORK(&conn->fail_work, nbd_conn_fail_work);
	INIT_WORK(&conn->late_work, nbd_conn_late_work);
	return conn;
}

/**
 * nbd_conn_free() - the end of a slot
 * @conn: DOWN, with no command that could still be queued to it; or NULL
 *
 * Context: process, may sleep.
 */
void nbd_conn_free(struct nbd_conn *conn)
{
	if (!conn)
		return;
	/* In this order: sending and receiving may queue the failure work. */
	nbd_io_cancel(conn);
	cancel_work_sync(&conn->fail_work);
	cancel_work_sync(&conn->late_work);
	mutex_destroy(&conn->tx_lock);
	mutex_destroy(&conn->rx_lock);
	kfree(conn);
}

/**
 * nbd_conn_install() - put an adopted socket into the slot
 * @conn: a slot that is DOWN
 * @sock: an adopted socket that was not started; the slot owns it afterwards
 *
 * The slot stays DOWN until nbd_conn_start(); nbd_conn_disown() takes the
 * socket out again. Takes no memory.
 *
 * Context: process, may sleep; the caller excludes other changes of the slot.
 */
void nbd_conn_install(struct nbd_conn *conn, struct nbd_sock *sock)
{
	unsigned int i;

	nbd_sock_move(&conn->sock, sock);
	nbd_sock_peer(&conn->sock, conn->peer, sizeof(conn->peer));
	conn->local = nbd_sock_local(&conn->sock);
	mutex_lock(&conn->tx_lock);
	nbd_tx_init(&conn->tx, conn->sock.tcp ? NBD_CONN_COPY : U32_MAX);
	mutex_unlock(&conn->tx_lock);
	nbd_io_reset(conn);
	conn->replies = 0;
	/* Nothing is known of the new socket's path. */
	conn->service = 0;
	conn->latency = 0;
	conn->tx_at = jiffies;
	for (i = 0; i < NBD_PROGRESS_BUCKETS; i++) {
		conn->progress[i].epoch = 0;
		conn->progress[i].at = jiffies;
	}
	conn->generation++;
}

/**
 * nbd_conn_adopt() - take a socket over and put it into the slot
 * @conn: a slot that is DOWN
 * @fd: descriptor of the calling process
 * @extack: says what is wrong
 *
 * Context: as nbd_conn_install().
 * Return: as nbd_sock_adopt().
 */
int nbd_conn_adopt(struct nbd_conn *conn, int fd,
		   struct netlink_ext_ack *extack)
{
	struct nbd_sock sock = { };
	int ret = nbd_sock_adopt(&sock, fd, extack);

	if (!ret)
		nbd_conn_install(conn, &sock);
	return ret;
}

/**
 * nbd_conn_disown() - take out a socket that was never started
 * @conn: a slot that is DOWN; without a socket nothing happens
 *
 * Context: as nbd_conn_install().
 */
void nbd_conn_disown(struct nbd_conn *conn)
{
	nbd_sock_drop(&conn->sock);
}

/**
 * nbd_conn_start() - DOWN to LIVE
 * @conn: a slot with an adopted socket
 *
 * Context: process.
 */
void nbd_conn_start(struct nbd_conn *conn)
{
	/* Before LIVE: from then on failure work may take the socket away. */
	nbd_sock_start(&conn->sock, &nbd_io_sock_ops);
	WRITE_ONCE(conn->since, jiffies);
	trace_nbd_connection_state(conn->dev_index, conn->index, conn->generation,
				   NBD_CONN_LIVE, 0);
	/* Publishes everything above to those who find the connection live. */
	atomic_set_release(&conn->state, NBD_CONN_LIVE);
	/* For what arrived before. */
	nbd_io_look(conn);
}

/**
 * nbd_conn_close() - end a live connection in good order
 * @conn: the connection; what is in flight on it goes to nbd_conn_ops.retry
 *
 * The server is sent NBD_CMD_DISC. Returns at once, see nbd_conn_settle().
 *
 * Context: any.
 */
void nbd_conn_close(struct nbd_conn *conn)
{
	nbd_conn_fail(conn, 0);
}

/**
 * nbd_conn_await_down() - wait until the slot can be filled
 * @conn: a connection that was failed or closed, or that is DOWN
 *
 * Not for the release of the socket, as nbd_conn_settle() does: that may wait for who
 * waits for the requests that this connection had.
 *
 * Context: process, sleeps; a bounded time whatever the server does.
 */
void nbd_conn_await_down(struct nbd_conn *conn)
{
	while (atomic_read(&conn->state) == NBD_CONN_FAILING)
		usleep_range(100, 1000);
}

/**
 * nbd_conn_settle() - wait until the connection is DOWN
 * @conn: a connection that was failed or closed
 *
 * Context: process, sleeps; a bounded time whatever the server does.
 */
void nbd_conn_settle(struct nbd_conn *conn)
{
	/* Whoever failed it may not have queued the work yet. */
	while (atomic_read(&conn->state) == NBD_CONN_FAILING) {
		queue_work(nbd_recovery_wq, &conn->fail_work);
		flush_work(&conn->fail_work);
	}
	flush_work(&conn->fail_work);
	flush_work(&conn->late_work);
}
