/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two lists of a queue on which commands wait.
 */
#ifndef NBD_PARK_H
#define NBD_PARK_H

#include "queue.h"

bool nbd_park(struct nbd_queue *q, struct nbd_cmd *cmd);
bool nbd_wait(struct nbd_queue *q, struct nbd_cmd *cmd, unsigned long delay);
struct llist_node *nbd_take_parked(struct nbd_queue *q);
struct llist_node *nbd_take_fenced(struct nbd_queue *q, bool all);

#endif /* NBD_PARK_H */
