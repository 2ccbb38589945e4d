/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * More time for what takes long: trimming and zeroing much, a flush after much was
 * written, and what a server that works on one request after the other has behind it.
 */
#ifndef NBD_EXTRA_H
#define NBD_EXTRA_H

#include "queue.h"

void nbd_extra_prepare_flush(const struct nbd_queue *q, struct nbd_cmd *cmd);
void nbd_extra_flushed(struct nbd_queue *q, const struct nbd_cmd *cmd);
unsigned long nbd_extra_time(const struct nbd_queue_config *config);
unsigned long nbd_extra_turn(const struct nbd_queue_config *config,
			     const struct nbd_cmd *cmd);

#endif /* NBD_EXTRA_H */
