/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The receive parser. It pulls: whoever has bytes asks where the next ones
 * go (@iter, @left), puts them there and says how many (nbd_rx_filled()).
 * Knows neither sockets nor blk-mq; builds in user space for unit tests.
 */
#ifndef NBD_RX_H
#define NBD_RX_H

#include <linux/types.h>
#include <linux/uio.h>

#include "proto.h"

/* Where so many bytes or less go, a copy costs less than a call. */
#define NBD_RX_SMALL		(8u << 10)

struct nbd_rx;

/**
 * struct nbd_rx_ops - what the parser asks of its user
 * @reply: a reply header came; find its command. 0, or a negative errno that
 *	ends the stream
 * @more: point rx->iter at the next piece of payload and return its length;
 *	0 when no payload is left to receive
 * @done: the reply is complete
 * @pause: nothing more has arrived for the moment; called by who receives
 */
struct nbd_rx_ops {
	int (*reply)(struct nbd_rx *rx, const struct nbd_reply_info *info);
	size_t (*more)(struct nbd_rx *rx);
	void (*done)(struct nbd_rx *rx);
	void (*pause)(struct nbd_rx *rx);
};

enum nbd_rx_state {
	NBD_RX_HEADER,		/* collecting a reply header */
	NBD_RX_PAYLOAD,		/* filling the command's pages */
};

/**
 * struct nbd_rx - the parser of one connection
 * @ops: its user
 * @state: what @iter is part of
 * @large: the last reply had a payload that began with more than NBD_RX_SMALL
 *	bytes in one place
 * @left: bytes that @iter still wants, never 0
 * @iter: where the next bytes go
 * @vec: @iter's segment while a header is collected
 * @header: the header being collected
 *
 * Owned by the one context that receives on the connection.
 */
struct nbd_rx {
	const struct nbd_rx_ops *ops;
	enum nbd_rx_state state;
	bool large;
	size_t left;
	struct iov_iter iter;
	struct kvec vec;
	struct nbd_reply header;
};

void nbd_rx_init(struct nbd_rx *rx, const struct nbd_rx_ops *ops);
int nbd_rx_filled(struct nbd_rx *rx, size_t bytes);
int nbd_rx_feed(struct nbd_rx *rx, const void *data, size_t bytes);

#endif /* NBD_RX_H */
