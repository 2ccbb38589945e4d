/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sending and receiving, for conn.c.
 */
#ifndef NBD_CONN_IO_H
#define NBD_CONN_IO_H

#include "conn.h"

extern const struct nbd_sock_ops nbd_io_sock_ops;

int nbd_io_setup(void);
u64 nbd_io_switch_ns(void);
void nbd_io_exit(void);
void nbd_io_init(struct nbd_conn *conn);
void nbd_io_reset(struct nbd_conn *conn);
void nbd_io_look(struct nbd_conn *conn);
void nbd_io_cancel(struct nbd_conn *conn);

#endif /* NBD_CONN_IO_H */
