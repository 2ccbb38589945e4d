/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The block layer's side: requests become commands and are routed to
 * connections; commands that lost their connection are routed again, wait for
 * one, or end.
 */
#ifndef NBD_QUEUE_H
#define NBD_QUEUE_H

#include <linux/blk-mq.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "conn.h"
#include "loss.h"
#include "zeroes.h"

#define NBD_MAX_CONNECTIONS	256

struct nbd_queue;

/**
 * struct nbd_queue_ops - what a queue asks of its device
 * @down: a connection is down; @error is why, 0 for a close in good order.
 *	Process context; must not wait for connections
 */
struct nbd_queue_ops {
	void (*down)(struct nbd_queue *q, struct nbd_conn *conn, int error);
};

/**
 * enum nbd_queue_mode - what happens to requests
 * @NBD_QUEUE_OFF: no configuration; they fail before they are started
 * @NBD_QUEUE_RUN: they travel, or are parked while no connection is live
 * @NBD_QUEUE_HOLD: they are parked, but for the driver's own, see hold.c
 * @NBD_QUEUE_FAIL: they fail, and so does what is parked, fenced or comes back
 */
enum nbd_queue_mode {
	NBD_QUEUE_OFF,
	NBD_QUEUE_RUN,
	NBD_QUEUE_HOLD,
	NBD_QUEUE_FAIL,
};

/**
 * struct nbd_queue_config - what a queue must know of its configuration
 * @conns: the connections
 * @nr_conns: how many, at least 1
 * @flags: NBD_FLAG_* of the export
 * @zeroes: NBD_ZEROES_*
 * @timeout: jiffies a server may take, 0 for ever
 * @fence: jiffies that a write waits after a connection was given up
 * @spread: nanoseconds that a command may wait on a connection before it goes to
 *	another one, 0 if there is no other
 * @crowd: that many connections are enough while the processors together have
 *	hardly any time to spare, unless a command would wait for long; 0 if
 *	all of them are
 * @flush_each: a flush must go to every connection with unflushed writes
 * @loss_fails: the first flush after a possible loss fails
 */
struct nbd_queue_config {
	struct nbd_conn **conns;
	unsigned int nr_conns;
	u64 flags;
	u32 zeroes;
	unsigned long timeout;
	unsigned long fence;
	u64 spread;
	unsigned int crowd;
	bool flush_each;
	bool loss_fails;
};

/**
 * struct nbd_queue - the request queue of one device
 * @ops: the device
 * @device: name for log lines
 * @disk: the disk whose queue it is; replaced only while @mode is OFF
 * @set: its tag set
 * @config: changes only while @mode is OFF and the request queue is frozen
 *	or new: a started request keeps it from changing. @timeout,
 *	@spread and @crowd may change at any time
 * @mode: changes under @lock, read without it
 * @lock: protects @parked, @fenced, @waiting and changes of @mode; taken with
 *	no other lock inside, also in softirqs
 * @sweep_lock: held while a connection's commands are looked for; failure work. Nothing
 *	is taken inside
 * @parked: commands that wait for a live connection
 * @fenced: commands that wait until an old copy of theirs cannot arrive later,
 *	and flushes that go on to their next connection
 * @waiting: how many are on the two lists
 * @flush_error: the server answered the driver's own flush with an error, and
 *	no user's flush has failed for it yet
 * @flushed: MiB acknowledged when the last flush that succeeded was prepared, see
 *	extra.h; written by who ends flushes, anybody
 * @loss: writes that a server may have forgotten
 * @zeroes: refusals to zero fast, of what must not and of what may deallocate
 * @fence_work: looks after @fenced
 */
struct nbd_queue {
	const struct nbd_queue_ops *ops;
	const char *device;
	struct gendisk *disk;
	struct blk_mq_tag_set *set;
	struct nbd_queue_config config;
	enum nbd_queue_mode mode;
	spinlock_t lock;		/* mode and lists */
	struct mutex sweep_lock;	/* who looks at all requests */
	struct llist_node *parked;
	struct llist_node *fenced;
	unsigned int waiting;
	bool flush_error;
	u32 flushed;
	struct nbd_loss loss;
	struct nbd_zeroes zeroes[2];
	struct delayed_work fence_work;
};

extern const struct nbd_conn_ops nbd_queue_conn_ops;

/* hold.c */
void nbd_queue_hold(struct nbd_queue *q);
int nbd_queue_flush(struct nbd_queue *q, unsigned long timeout);

/* mq.c */
extern const struct blk_mq_ops nbd_mq_ops;

void nbd_queue_init(struct nbd_queue *q, const struct nbd_queue_ops *ops,
		    const char *device);
void nbd_queue_open(struct nbd_queue *q, const struct nbd_queue_config *config);
void nbd_queue_close(struct nbd_queue *q);
void nbd_queue_set_mode(struct nbd_queue *q, enum nbd_queue_mode mode);
struct nbd_conn *nbd_queue_issue(struct nbd_queue *q, struct nbd_cmd *cmd);
void nbd_queue_start(struct nbd_queue *q, struct nbd_conn **conns,
		     unsigned int count);
void nbd_queue_unpark(struct nbd_queue *q);
unsigned int nbd_queue_live(const struct nbd_queue *q);
bool nbd_queue_answering(const struct nbd_queue *q);
unsigned int nbd_queue_in_flight(const struct nbd_queue *q);
blk_status_t nbd_queue_status(const struct nbd_cmd *cmd);

/* route.c */
struct nbd_conn *nbd_queue_pick(const struct nbd_queue_config *config,
				unsigned int home);
struct nbd_conn *nbd_queue_route(const struct nbd_queue_config *config,
				 unsigned int home, struct nbd_cmd *cmd);
void nbd_route_learn(const struct nbd_queue_config *config,
		     struct nbd_conn *conn, unsigned long age);
void nbd_route_served(struct nbd_conn *conn, unsigned int count, u64 most,
		      u64 now);
void nbd_route_answered(const struct nbd_queue_config *config,
			struct nbd_conn *conn, const struct llist_node *list);
void nbd_route_setup(struct nbd_queue_config *config);

#endif /* NBD_QUEUE_H */
