/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One connection: a slot that lives as long as the device's configuration,
 * and the socket that is in it at the moment.
 */
#ifndef NBD_CONN_H
#define NBD_CONN_H

#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "../uapi/linux/nbd-netlink.h"
#include "cmd.h"
#include "latency.h"
#include "rx.h"
#include "sock.h"
#include "tx.h"

struct nbd_conn;

/**
 * struct nbd_conn_ops - what a connection asks of its user
 * @lookup: the command that a cookie's tag names, or NULL; it stays valid
 *	until @unlook. Receiving context
 * @unlook: the end of looking at a command that @lookup returned
 * @complete: commands are over, linked through their nodes, cmd->error set; the
 *	connection does not touch them any more. Any context, must not sleep
 * @sweep: call nbd_conn_take() for every command that may be on the wire of
 *	any connection. Failure work
 * @retry: a command taken back; @sent: part of it was on the wire, @peer: the
 *	server itself ended the connection. Failure work
 * @emptied: it has ended, and all commands were taken back; the slot cannot be filled
 *	yet. Failure work
 * @down: the connection is down; @error is why, 0 for nbd_conn_close().
 *	Failure work
 */
struct nbd_conn_ops {
	struct nbd_cmd *(*lookup)(struct nbd_conn *conn, u32 tag);
	void (*unlook)(struct nbd_conn *conn);
	void (*complete)(struct nbd_conn *conn, struct llist_node *commands);
	void (*sweep)(struct nbd_conn *conn, struct llist_node **taken);
	void (*retry)(struct nbd_conn *conn, struct nbd_cmd *cmd, bool sent,
		      bool peer);
	void (*emptied)(struct nbd_conn *conn);
	void (*down)(struct nbd_conn *conn, int error);
};

/* nbd_conn.error while there is no reason to take the connection down. */
#define NBD_CONN_OK		1

/* Bits of nbd_conn.flags. */
#define NBD_CONN_READ		0	/* the io work is to receive */
#define NBD_CONN_STALLED	1	/* sending waits for replies */
#define NBD_CONN_DRAINING	2	/* no new commands, see nbd_conn_drain() */
#define NBD_CONN_LISTEN		3	/* the io work is to see if the peer is there */
#define NBD_CONN_QUIET		4	/* it was silent at @quiet_at; of the io work */

/* Buckets of nbd_conn.progress, each for this many commands (a power of 2). */
#define NBD_PROGRESS_BUCKETS	64
#define NBD_PROGRESS_SHIFT	8
/* So much of a payload is progress, too: it bounds who sends a byte now and then. */
#define NBD_PROGRESS_BYTES	SZ_1M

/**
 * struct nbd_progress - when one of a run of commands was last answered
 * @epoch: seq >> NBD_PROGRESS_SHIFT of that run
 * @at: jiffies
 */
struct nbd_progress {
	u32 epoch;
	unsigned long at;
};

/* How much later @a is than @b; they wrap where seq does. */
static inline s32 nbd_epoch_diff(u32 a, u32 b)
{
	return (s32)((a - b) << NBD_PROGRESS_SHIFT);
}

/**
 * struct nbd_conn_stats - counters; one writer each, read without a lock
 * @requests: commands completed by a reply
 * @bytes_read: payload received
 * @bytes_written: payload sent in commands that were answered
 * @errors: replies that carried an error
 */
struct nbd_conn_stats {
	u64 requests;
	u64 bytes_read;
	u64 bytes_written;
	u64 errors;
};

/**
 * struct nbd_conn - one connection
 * @ops: its user
 * @priv: its user's data
 * @device: name for log lines
 * @dev_index: the number in it, for trace events
 * @index: number of the slot
 * @depth: commands that may be on the wire
 * @state: NBD_CONN_*, changed by cmpxchg only: DOWN -> LIVE by
 *	nbd_conn_start(), LIVE -> FAILING by whoever sees it fail or closes it
 *	first, FAILING -> DOWN by failure work
 * @flags: NBD_CONN_READ to NBD_CONN_QUIET; cleared with each new socket
 * @generation: sockets that this slot has had; changed while DOWN
 * @issues: commands issued so far, the generation half of cookies
 * @in_flight: commands issued and not over
 * @lengthy: those of them that may take long, see nbd_cmd_is_lengthy()
 * @extra: seconds more that they may take together, see nbd_cmd_extra()
 * @extra_at: jiffies when one that had some was answered last
 * @completing: how many complete commands that are not in flight any more
 * @extra_sent: jiffies when that was sent; both belong to nobody and are guesses
 * @patience: jiffies after which a peer that is silent is gone
 * @quiet_at: jiffies when it was silent first; of the io work
 * @unflushed: what a flush would be about, see flush.h
 * @birth: of its socket, see loss.h; changed while DOWN
 * @latency: smoothed time to the answer of a read or write, see route.c; 0
 *	before the first one
 * @service: smoothed nanoseconds that a read or write takes while it is busy, see
 *	route.c; 0 before the first answer that says so
 * @progress_at: local_clock() when it answered last, or became busy
 * @avoid_until: jiffies until which other connections are preferred
 * @queue: commands to send; anybody pushes, the holder of @tx_lock pops
 * @tx_lock: protects @tx and sending on @sock; a holder may sleep for the
 *	socket lock, never for the network. Taken last
 * @tx: what is being sent
 * @tx_at: jiffies of the last byte that the socket took
 * @rx: the parser; like everything after it up to @stats it belongs to the
 *	receiving context: for TCP whoever holds the socket's lock, which is a
 *	softirq or a work; for others the work that holds @rx_lock
 * @rx_lock: held by the work that receives; never waited for
 * @rx_cmd: the command whose reply is being received
 * @rx_cursor: place in its payload
 * @rx_left: bytes of that which @rx was not asked for yet
 * @rx_mark: bytes of that which were missing when it last counted as progress
 * @rx_done: commands that are over and wait for nbd_conn_ops.complete
 * @replies: commands that were answered and had begun to travel
 * @progress: when commands were answered, for nbd_conn_overdue()
 * @stats: counters, written by the receiving context
 * @zeroed: bytes that commands answered without an error zeroed and left allocated
 * @times: how long its commands' requests took, see struct nbd_latency
 * @sock: the socket. Set while DOWN, released by failure work, used in between
 *	under @tx_lock or by the receiving context
 * @io_work: receives, and sends what had to wait
 * @bulk_work: the same at a lower priority, in the middle of a large payload
 * @again_work: sends when there was no memory to send with
 * @sender: thread that @send_work runs in
 * @send_work: sends what has gathered
 * @fail_work: takes the connection down
 * @late_work: takes back what was queued when it was not live any more
 * @error: why it is FAILING, set by who made it so a moment later; 0 when it is
 *	being closed in good order; NBD_CONN_OK at all other times
 * @last_error: why it was last taken down, 0 for never
 * @failures: times it was taken down by a failure
 * @since: jiffies of the last change of @state
 * @peer: the server's address
 * @local: the server runs on this machine
 */
struct nbd_conn {
	const struct nbd_conn_ops *ops;
	void *priv;
	const char *device;
	int dev_index;
	u16 index;
	u32 depth;
	atomic_t state;
	unsigned long flags;
	u32 generation;
	atomic_t issues;
	atomic_t in_flight;
	atomic_t completing;
	atomic_t lengthy;
	atomic_t extra;
	unsigned long extra_at;
	unsigned long extra_sent;
	unsigned long patience;
	unsigned long quiet_at;
	atomic_t unflushed;
	u32 birth;
	u32 latency;
	u32 service;
	u64 progress_at;
	unsigned long avoid_until;
	struct llist_head queue;

	struct mutex tx_lock;		/* sending */
	struct nbd_tx tx;
	unsigned long tx_at;

	struct mutex rx_lock;		/* receiving in a work */
	struct nbd_rx rx;
	struct nbd_cmd *rx_cmd;
	struct nbd_cursor rx_cursor;
	u32 rx_left;
	u32 rx_mark;
	struct llist_node *rx_done;
	u32 replies;
	struct nbd_progress progress[NBD_PROGRESS_BUCKETS];
	struct nbd_conn_stats stats;
	u64 zeroed;
	struct nbd_latency times;

	struct nbd_sock sock;
	struct work_struct io_work;
	struct work_struct bulk_work;
	struct delayed_work again_work;
	struct kthread_worker *sender;
	struct kthread_work send_work;
	struct work_struct fail_work;
	struct work_struct late_work;
	int error;
	int last_error;
	u32 failures;
	unsigned long since;
	char peer[NBD_SOCK_PEER_LEN];
	bool local;
};

/* One more in flight; how many there are now. */
static inline int nbd_conn_count(struct nbd_conn *conn,
				 const struct nbd_cmd *cmd)
{
	if (nbd_cmd_is_lengthy(cmd)) {
		atomic_inc(&conn->lengthy);
		atomic_add(nbd_cmd_extra(cmd), &conn->extra);
	}
	return atomic_inc_return(&conn->in_flight);
}

/* What was behind it may be next. */
static inline void nbd_conn_note_turn(struct nbd_conn *conn,
				      const struct nbd_cmd *cmd)
{
	WRITE_ONCE(conn->extra_sent, cmd->sent_at);
	WRITE_ONCE(conn->extra_at, jiffies);
	/* Pairs with nbd_extra_turn(). */
	smp_mb__before_atomic();
}

/* One less in flight: answered, or taken back. */
static inline void nbd_conn_uncount(struct nbd_conn *conn,
				    const struct nbd_cmd *cmd, bool answered)
{
	if (nbd_cmd_is_lengthy(cmd)) {
		u32 extra = nbd_cmd_extra(cmd);

		atomic_dec(&conn->lengthy);
		if (extra && answered)
			nbd_conn_note_turn(conn, cmd);
		atomic_sub(extra, &conn->extra);
	}
	atomic_dec(&conn->in_flight);
}

static inline bool nbd_conn_live(const struct nbd_conn *conn)
{
	return atomic_read(&conn->state) == NBD_CONN_LIVE;
}

/* Live, and may be given commands. */
static inline bool nbd_conn_usable(const struct nbd_conn *conn)
{
	return nbd_conn_live(conn) &&
	       !test_bit(NBD_CONN_DRAINING, &conn->flags);
}

/* Free for a new socket; pairs with the end of failure work. */
static inline bool nbd_conn_down(const struct nbd_conn *conn)
{
	return atomic_read_acquire(&conn->state) == NBD_CONN_DOWN &&
	       !conn->sock.sock;
}

/*
 * For what must go on when memory is short: failure work, timers that decide
 * about requests. Nothing that waits for another work item of the same queue.
 */
extern struct workqueue_struct *nbd_recovery_wq;

int nbd_conn_setup(void);
void nbd_conn_exit(void);
struct nbd_conn *nbd_conn_alloc(const struct nbd_conn_ops *ops, void *priv,
				const char *device, int dev_index, u16 index,
				u32 depth);
void nbd_conn_free(struct nbd_conn *conn);
void nbd_conn_install(struct nbd_conn *conn, struct nbd_sock *sock);
int nbd_conn_adopt(struct nbd_conn *conn, int fd,
		   struct netlink_ext_ack *extack);
void nbd_conn_disown(struct nbd_conn *conn);
void nbd_conn_start(struct nbd_conn *conn);
void nbd_conn_queue(struct nbd_conn *conn, struct nbd_cmd *cmd, u64 from,
		    u32 len, u32 tag);
void nbd_conn_kick(struct nbd_conn *conn, bool gather);
void nbd_conn_fail(struct nbd_conn *conn, int error);
void nbd_conn_drain(struct nbd_conn *conn);
void nbd_conn_take(struct nbd_conn *conn, struct nbd_cmd *cmd,
		   struct llist_node **taken);
void nbd_conn_lose(struct nbd_conn *conn, struct nbd_cmd *cmd);
bool nbd_conn_overdue(struct nbd_conn *conn, const struct nbd_cmd *cmd,
		      unsigned long since, unsigned long timeout,
		      unsigned long *again);
void nbd_conn_listen(struct nbd_conn *conn, unsigned long time);
void nbd_conn_close(struct nbd_conn *conn);
void nbd_conn_await_down(struct nbd_conn *conn);
void nbd_conn_settle(struct nbd_conn *conn);

#endif /* NBD_CONN_H */
