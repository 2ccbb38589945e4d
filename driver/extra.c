// SPDX-License-Identifier: GPL-2.0-only
/*
 * More time for what takes long, see extra.h.
 *
 * What a flush has to write is what the server acknowledged since the last one that
 * succeeded was sent; the counters of the connections say so, and a write has nothing
 * to do for it. They are read while they change: all this is a guess.
 */
#include <linux/minmax.h>

#include "extra.h"

/* Seconds, at most and together. */
#define NBD_EXTRA_MAX		256u

/* MiB that the server has acknowledged, zeroes too if it may have written them; wraps. */
static u32 nbd_extra_written(const struct nbd_queue_config *config)
{
	unsigned int i;
	u64 bytes = 0;

	for (i = 0; i < config->nr_conns; i++)
		bytes += READ_ONCE(config->conns[i]->stats.bytes_written) +
			 READ_ONCE(config->conns[i]->zeroed);
	return bytes >> 20;
}

/**
 * nbd_extra_prepare_flush() - how much is a flush about?
 * @q: its queue
 * @cmd: the flush, not issued yet
 *
 * Context: any.
 */
void nbd_extra_prepare_flush(const struct nbd_queue *q, struct nbd_cmd *cmd)
{
	s32 dirty;

	cmd->written = nbd_extra_written(&q->config);
	/* Less than nothing: another one that began later is over already. */
	dirty = cmd->written - READ_ONCE(q->flushed);
	cmd->dirty = clamp_t(s32, dirty, 0, NBD_EXTRA_MAX << 4);
}

/**
 * nbd_extra_flushed() - a flush succeeded
 * @q: its queue
 * @cmd: the flush
 *
 * Context: any.
 */
void nbd_extra_flushed(struct nbd_queue *q, const struct nbd_cmd *cmd)
{
	if ((s32)(cmd->written - READ_ONCE(q->flushed)) > 0)
		WRITE_ONCE(q->flushed, cmd->written);
}

/**
 * nbd_extra_time() - how much more time does a command have now?
 * @config: of its queue
 *
 * A server may work on one request after the other, whatever connection it came from, so
 * what is behind one that may take long may, too. Between two answers no more than one
 * of them can be in its way, but nobody knows which.
 *
 * Context: any.
 * Return: jiffies.
 */
unsigned long nbd_extra_time(const struct nbd_queue_config *config)
{
	unsigned int i;
	u32 extra = 0;

	for (i = 0; i < config->nr_conns && extra < NBD_EXTRA_MAX; i++)
		extra += atomic_read(&config->conns[i]->extra);
	return min(extra, NBD_EXTRA_MAX) * HZ;
}

/**
 * nbd_extra_turn() - when was it over, what had its time before a command?
 * @config: of its queue
 * @cmd: a command that was sent
 *
 * What was sent after it is not looked at: that would never end. To be asked after
 * nbd_extra_time(), so that nothing that ends meanwhile is missed by both.
 *
 * Context: any.
 * Return: jiffies, at which something with more time ended that was sent before it, on
 * whatever connection, with an answer; when it was sent itself, if there is none.
 */
unsigned long nbd_extra_turn(const struct nbd_queue_config *config,
			     const struct nbd_cmd *cmd)
{
	unsigned long sent = READ_ONCE(cmd->sent_at), turn = sent;
	unsigned int i;

	/* Pairs with nbd_conn_uncount(): it has its time still, or it ended. */
	smp_rmb();
	for (i = 0; i < config->nr_conns; i++) {
		const struct nbd_conn *conn = config->conns[i];
		unsigned long at = READ_ONCE(conn->extra_at);

		if (time_in_range(at, turn, jiffies) &&
		    time_before_eq(READ_ONCE(conn->extra_sent), sent))
			turn = at;
	}
	return turn;
}
