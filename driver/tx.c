// SPDX-License-Identifier: GPL-2.0-only
/*
 * The transmitter: bursts of commands, and a cursor for partial sends.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>

#include "trace.h"
#include "tx.h"

static struct nbd_cmd *nbd_tx_cmd(struct llist_node *node)
{
	return llist_entry(node, struct nbd_cmd, node);
}

/**
 * nbd_tx_init() - start with nothing to send
 * @tx: the transmitter
 * @copy: see struct nbd_tx
 *
 * Context: tx lock, or before anybody else knows it.
 */
void nbd_tx_init(struct nbd_tx *tx, u32 copy)
{
	tx->first = NULL;
	tx->last = &tx->first;
	tx->begun = 0;
	tx->offset = 0;
	tx->copy = copy;
}

/**
 * nbd_tx_add() - take over commands, behind those that wait
 * @tx: the transmitter
 * @commands: linked through their nodes in the order of sending, or NULL
 *
 * Context: tx lock.
 */
void nbd_tx_add(struct nbd_tx *tx, struct llist_node *commands)
{
	*tx->last = commands;
	while (commands) {
		tx->last = &commands->next;
		commands = commands->next;
	}
}

/* A command's header is about to be offered to the socket for the first time. */
static void nbd_tx_begin(struct nbd_tx *tx, struct nbd_cmd *cmd)
{
	cmd->seq = tx->begun++;
	cmd->sent_at = jiffies;
	nbd_cmd_sending(cmd);
}

/* The burst that is being gathered. */
struct nbd_tx_burst {
	unsigned int count;
	size_t bytes;
};

static void nbd_tx_add_header(struct nbd_tx *tx, struct nbd_tx_burst *burst,
			      struct nbd_cmd *cmd, u32 skip)
{
	struct bio_vec *vec = &tx->vec[burst->count++];
	u8 *from = (u8 *)&cmd->hdr + skip;

	vec->bv_page = virt_to_page(from);
	vec->bv_offset = offset_in_page(from);
	vec->bv_len = sizeof(cmd->hdr) - skip;
	burst->bytes += vec->bv_len;
}

/* False, and nothing added, when there is no room for the whole payload. */
static bool nbd_tx_add_payload(struct nbd_tx *tx, struct nbd_tx_burst *burst,
			       const struct nbd_cmd *cmd)
{
	unsigned int count = burst->count;
	struct bvec_iter iter;
	struct bio_vec bvec;
	struct bio *bio;

	if (cmd->payload > tx->copy ||
	    burst->bytes + cmd->payload > NBD_TX_BURST_BYTES)
		return false;
	for (bio = cmd->bio; bio; bio = bio->bi_next) {
		bio_for_each_bvec(bvec, bio, iter) {
			if (count == NBD_TX_BURST)
				return false;
			tx->vec[count++] = bvec;
		}
	}
	burst->count = count;
	burst->bytes += cmd->payload;
	return true;
}

/*
 * Gather from the first command on: up to the window, up to the size of a
 * burst, and up to the header of a command whose payload travels by itself.
 */
static bool nbd_tx_gather(struct nbd_tx *tx, unsigned int window,
			  struct nbd_tx_piece *piece)
{
	struct nbd_tx_burst burst = { };
	struct llist_node *node;
	u32 skip = tx->offset;
	bool alone = false;

	piece->begun = 0;
	for (node = tx->first; node && !alone && burst.count < NBD_TX_BURST;
	     node = node->next) {
		struct nbd_cmd *cmd = nbd_tx_cmd(node);

		if (!(nbd_cmd_state(cmd) & NBD_CMD_SENDING)) {
			if (!window)
				break;
			window--;
			piece->begun++;
			nbd_tx_begin(tx, cmd);
		}
		nbd_tx_add_header(tx, &burst, cmd, skip);
		skip = 0;
		alone = cmd->payload && !nbd_tx_add_payload(tx, &burst, cmd);
	}
	piece->more = alone || (node && window);
	piece->payload = false;
	piece->iter = &piece->burst;
	iov_iter_bvec(piece->iter, ITER_SOURCE, tx->vec, burst.count,
		      burst.bytes);
	return burst.count;
}

/**
 * nbd_tx_next() - what to send next
 * @tx: the transmitter
 * @window: how many more commands may begin to travel
 * @piece: filled when there is something; its iterator stays valid until the
 *	next call of any function here
 *
 * Context: tx lock.
 * Return: false when there is nothing to send, or nothing that may be.
 */
bool nbd_tx_next(struct nbd_tx *tx, unsigned int window,
		 struct nbd_tx_piece *piece)
{
	if (!tx->first)
		return false;
	if (tx->offset < sizeof(struct nbd_request))
		return nbd_tx_gather(tx, window, piece);

	piece->iter = &tx->cursor.iter;
	piece->payload = true;
	piece->begun = 0;
	piece->more = tx->cursor.bio->bi_next || (tx->first->next && window);
	return true;
}

/* The socket took the bytes of @cmd up to @end. */
static void nbd_tx_trace(const struct nbd_tx *tx, struct nbd_cmd *cmd, u32 end)
{
	const u32 header = sizeof(struct nbd_request);

	if (tx->offset < header && end >= header)
		trace_nbd_header_sent(nbd_trace_request(cmd),
				      nbd_cmd_cookie(cmd));
	if (end == header + cmd->payload)
		trace_nbd_payload_sent(nbd_trace_request(cmd),
				       nbd_cmd_cookie(cmd));
}

/**
 * nbd_tx_sent() - account for bytes that the socket took
 * @tx: the transmitter
 * @bytes: how many; on return those that lie behind the command returned
 *
 * Call until it returns NULL. The iterator of the piece has been advanced.
 *
 * Context: tx lock.
 * Return: a command whose last byte went to the socket, which the caller owns
 * until it calls nbd_cmd_sent(); or NULL when @bytes are used up.
 */
struct nbd_cmd *nbd_tx_sent(struct nbd_tx *tx, size_t *bytes)
{
	const u32 header = sizeof(struct nbd_request);
	struct nbd_cmd *cmd;
	u32 part;

	if (!*bytes)
		return NULL;

	cmd = nbd_tx_cmd(tx->first);
	part = min_t(size_t, *bytes, header + cmd->payload - tx->offset);
	if (tx->offset >= header) {
		if (!iov_iter_count(&tx->cursor.iter))
			nbd_cursor_next(&tx->cursor);
	} else if (cmd->payload && tx->offset + part >= header) {
		nbd_cursor_start(&tx->cursor, cmd->bio, ITER_SOURCE);
		nbd_cursor_advance(&tx->cursor, tx->offset + part - header);
	}
	if (trace_nbd_header_sent_enabled() || trace_nbd_payload_sent_enabled())
		nbd_tx_trace(tx, cmd, tx->offset + part);
	tx->offset += part;
	*bytes -= part;
	if (tx->offset < header + cmd->payload)
		return NULL;

	tx->offset = 0;
	tx->first = tx->first->next;
	if (!tx->first)
		tx->last = &tx->first;
	return cmd;
}

/**
 * nbd_tx_drain() - give up everything that was not sent completely
 * @tx: the transmitter, empty afterwards
 *
 * Only the first command can have bytes on the wire; it has when @tx->offset
 * was not 0 before the call.
 *
 * Context: tx lock, on a socket that will never send again.
 * Return: the commands, linked in order, or NULL. The caller owns them.
 */
struct llist_node *nbd_tx_drain(struct nbd_tx *tx)
{
	struct llist_node *commands = tx->first;
	u32 begun = tx->begun;

	nbd_tx_init(tx, tx->copy);
	tx->begun = begun;
	return commands;
}
