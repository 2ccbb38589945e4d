/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flushing where a flush covers the connection that it travels on and no other:
 * the user forced several connections on a server that does not advertise
 * multi-conn. One after the other, every live connection that has unflushed
 * writes is flushed.
 *
 * nbd_conn.unflushed is one atomic word: a bit for "acknowledged a write since
 * its last flush was issued", and the number of flushes issued and not over. A
 * flush that is not over may fail yet, so what it is about must not look clean
 * to another one.
 */
#ifndef NBD_FLUSH_H
#define NBD_FLUSH_H

#include "conn.h"

void nbd_flush_orphaned(struct nbd_conn **conns, unsigned int count,
			atomic_t *lost);
struct nbd_conn *nbd_flush_next(struct nbd_conn **conns, unsigned int count,
				struct nbd_cmd *cmd);
bool nbd_flush_in_hand(struct nbd_conn **conns, unsigned int count);
void nbd_flush_begin(struct nbd_conn *conn, struct nbd_cmd *cmd);
void nbd_flush_undo(struct nbd_conn *conn, struct nbd_cmd *cmd);
void nbd_flush_lost(struct nbd_conn *conn, struct nbd_cmd *cmd, atomic_t *lost);
void nbd_flush_emptied(struct nbd_conn *conn, atomic_t *lost);
bool nbd_flush_answered(struct nbd_conn *conn, struct nbd_cmd *cmd);

#endif /* NBD_FLUSH_H */
