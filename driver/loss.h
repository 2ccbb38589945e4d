/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes that the server acknowledged, did not flush, and may have forgotten when
 * it was restarted.
 *
 * A flush covers them if its connection existed when the oldest of them was
 * issued: the server that answers it is the one that had them. If it was
 * established later, nobody knows.
 *
 * Time is counted in births: one for each lot of sockets that the device got.
 */
#ifndef NBD_LOSS_H
#define NBD_LOSS_H

#include "conn.h"

/**
 * struct nbd_loss - what may have been lost
 * @births: lots of sockets so far; changes while the caller excludes other
 *	changes of the configuration
 * @since: @births when the oldest unflushed write was issued, 0 for none
 * @kept: the same for writes that a flush on its way was told of, but nobody yet whose
 *	flush began after they were lost
 * @news: birth of the newest connection that a flush was found to come too late on
 * @lost: how often a connection went that alone could have flushed what it carried;
 *	raised by anybody, see flush.c
 * @heard: @lost when one that was on its way last came too late for it
 * @told: @lost when one was last told of it that began after it
 * @count: flushes that came too late
 * @lock: of @out, and with it of what flushes cover: taken by them and given back
 * @out: flushes on their way that cover something, unless each connection is flushed by
 *	itself
 */
struct nbd_loss {
	u32 births;
	atomic_t since;
	atomic_t kept;
	atomic_t news;
	atomic_t lost;
	atomic_t heard;
	atomic_t told;
	atomic_t count;
	spinlock_t lock;	/* of @out and what flushes cover */
	struct nbd_cmd *out;
};

void nbd_loss_reset(struct nbd_loss *loss);
void nbd_loss_birth(struct nbd_loss *loss, struct nbd_conn **conns,
		    unsigned int count);
void nbd_loss_born(struct nbd_loss *loss);
void nbd_loss_issue(const struct nbd_loss *loss, struct nbd_cmd *cmd,
		    const struct nbd_conn *conn);
void nbd_loss_written(struct nbd_loss *loss, const struct nbd_cmd *cmd);
void nbd_loss_prepare(const struct nbd_loss *loss, struct nbd_cmd *cmd);
int nbd_loss_flush(struct nbd_loss *loss, struct nbd_cmd *cmd,
		   const struct nbd_conn *conn, bool each);
void nbd_loss_flushed(struct nbd_loss *loss, struct nbd_cmd *cmd);
bool nbd_loss_missed(const struct nbd_loss *loss, const struct nbd_cmd *cmd);
bool nbd_loss_moved(const struct nbd_conn *conn, const struct nbd_cmd *cmd);
void nbd_loss_unflushed(struct nbd_loss *loss, struct nbd_cmd *cmd);
void nbd_loss_told(struct nbd_loss *loss, struct nbd_cmd *cmd);
void nbd_loss_closed(struct nbd_loss *loss);

#endif /* NBD_LOSS_H */
