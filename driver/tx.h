/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The transmitter: a first-in first-out list of commands and a cursor into
 * the first. It offers the next bytes to send as one iov_iter (a burst of
 * headers, or a bio of payload) and is told how many the socket took.
 * Everything here belongs to the holder of the connection's tx lock.
 */
#ifndef NBD_TX_H
#define NBD_TX_H

#include "cmd.h"

/* Headers that one sendmsg gathers at most. */
#define NBD_TX_BURST	64

/**
 * struct nbd_tx - what a connection has to send
 * @first: the command on its way, NULL when there is nothing to send
 * @last: where the next command is linked
 * @begun: commands whose header was offered to the socket so far; a command's
 *	number in this count is its seq
 * @offset: bytes of @first that the socket took already
 * @cursor: place in the payload of @first
 * @vec: the segments of a burst of headers
 */
struct nbd_tx {
	struct llist_node *first;
	struct llist_node **last;
	u32 begun;
	u32 offset;
	struct nbd_cursor cursor;
	struct kvec vec[NBD_TX_BURST];
};

/**
 * struct nbd_tx_piece - the next bytes to send
 * @iter: where they are
 * @more: further bytes follow at once (MSG_MORE)
 * @payload: they are pages of a request, not headers
 */
struct nbd_tx_piece {
	struct iov_iter *iter;
	struct iov_iter headers;
	bool more;
	bool payload;
};

void nbd_tx_init(struct nbd_tx *tx);
void nbd_tx_add(struct nbd_tx *tx, struct llist_node *commands);
bool nbd_tx_next(struct nbd_tx *tx, unsigned int window,
		 struct nbd_tx_piece *piece);
struct nbd_cmd *nbd_tx_sent(struct nbd_tx *tx, size_t *bytes);
struct llist_node *nbd_tx_drain(struct nbd_tx *tx);

#endif /* NBD_TX_H */
