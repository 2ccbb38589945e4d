// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which connections have unflushed writes, and how far a flush has got.
 */
#include "flush.h"

#define NBD_UNFLUSHED_WRITES	1	/* acknowledged, not flushed since */
#define NBD_UNFLUSHED_FLUSH	2	/* for each flush that is not over */

/**
 * nbd_flush_next() - where a flush has to go
 * @conns: the connections
 * @count: how many
 * @cmd: the flush; its place is moved on, so that it comes by each connection
 *	once however much is written meanwhile
 *
 * Context: any; the configuration must not go away.
 * Return: a connection that was live and had unflushed writes a moment ago, or
 * NULL at the end.
 */
struct nbd_conn *nbd_flush_next(struct nbd_conn **conns, unsigned int count,
				struct nbd_cmd *cmd)
{
	for (; cmd->flush_at < count; cmd->flush_at++) {
		struct nbd_conn *conn = conns[cmd->flush_at];

		if (atomic_read(&conn->unflushed) && nbd_conn_usable(conn))
			return conn;
	}
	return NULL;
}

/*
 * What was to be flushed on a connection is lost. Counted before it is forgotten: who does
 * not find the mark any more finds that it is counted. Pairs with nbd_loss_missed(). Two
 * who find it at the same time both count it, and a flush more than need be is told. True
 * if there was something.
 */
static bool nbd_flush_forget(struct nbd_conn *conn, atomic_t *lost)
{
	if (!(atomic_read(&conn->unflushed) & NBD_UNFLUSHED_WRITES))
		return false;
	atomic_inc(lost);
	/* Fully ordered. */
	return atomic_fetch_andnot(NBD_UNFLUSHED_WRITES, &conn->unflushed) &
	       NBD_UNFLUSHED_WRITES;
}

static void nbd_flush_orphan(struct nbd_conn *conn, atomic_t *lost)
{
	if (nbd_conn_usable(conn) || !nbd_flush_forget(conn, lost))
		return;
	/* Another socket has come: they may be its own. */
	if (nbd_conn_usable(conn))
		atomic_or(NBD_UNFLUSHED_WRITES, &conn->unflushed);
}

/**
 * nbd_flush_orphaned() - are there writes that no flush can reach any more?
 * @conns: the connections
 * @count: how many
 * @lost: counts how often there were some
 *
 * Those of a connection that is going down, which nobody has been told of yet; they
 * are counted and forgotten.
 *
 * Context: any; the configuration must not go away.
 */
void nbd_flush_orphaned(struct nbd_conn **conns, unsigned int count,
			atomic_t *lost)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		nbd_flush_orphan(conns[i], lost);
}

/**
 * nbd_flush_in_hand() - is another flush about what this one could not reach?
 * @conns: the connections
 * @count: how many
 *
 * It is on its way over a connection that takes no more commands. It may be answered yet,
 * or be taken back, which counts as a loss, or was not sent, and leaves its mark: before
 * that nobody knows.
 *
 * Context: any; the configuration must not go away. nbd_flush_orphaned() comes before
 * this, so that what is left there is no orphan, and nbd_loss_missed() after it.
 * Return: true if so.
 */
bool nbd_flush_in_hand(struct nbd_conn **conns, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!nbd_conn_usable(conns[i]) && atomic_read(&conns[i]->unflushed))
			return true;
	return false;
}

/**
 * nbd_flush_begin() - a flush is about to be issued
 * @conn: the connection that is to carry it
 * @cmd: the flush; notes whether there is something that it covers, and gets the
 *	birth of @conn
 *
 * Fully ordered: writes whose replies were seen before are covered by it.
 *
 * Context: any.
 */
void nbd_flush_begin(struct nbd_conn *conn, struct nbd_cmd *cmd)
{
	int old = atomic_read(&conn->unflushed);

	/* Before that, so that a new socket in the slot shows: see nbd_loss_moved(). */
	cmd->birth = READ_ONCE(conn->birth);
	while (!atomic_try_cmpxchg(&conn->unflushed, &old,
				   (old & ~NBD_UNFLUSHED_WRITES) +
				   NBD_UNFLUSHED_FLUSH))
		;
	/* What another one is about, which is not over, is not clean. */
	cmd->flush_covers = old != 0;
}

/**
 * nbd_flush_undo() - a flush was not carried out
 * @conn: the connection, which can still be flushed
 * @cmd: the flush; what it covered is unflushed again
 *
 * Context: any.
 */
void nbd_flush_undo(struct nbd_conn *conn, struct nbd_cmd *cmd)
{
	int writes = cmd->flush_covers ? NBD_UNFLUSHED_WRITES : 0;
	int old = atomic_read(&conn->unflushed);

	while (!atomic_try_cmpxchg(&conn->unflushed, &old,
				   (old - NBD_UNFLUSHED_FLUSH) | writes))
		;
}

/**
 * nbd_flush_lost() - a flush was taken back from its connection
 * @conn: the connection, which may have another socket by now
 * @cmd: the flush; it begins again
 * @lost: counts it if the flush covered writes: nobody can flush them any more
 *
 * Context: any.
 */
void nbd_flush_lost(struct nbd_conn *conn, struct nbd_cmd *cmd, atomic_t *lost)
{
	if (cmd->flush_covers)
		atomic_inc(lost);
	if (nbd_conn_usable(conn)) {
		/* Another socket has come, and may have acknowledged what it covered. */
		nbd_flush_undo(conn, cmd);
	} else {
		/* Who finds it gone finds it counted: pairs with nbd_loss_missed(). */
		smp_mb__before_atomic();
		atomic_sub(NBD_UNFLUSHED_FLUSH, &conn->unflushed);
	}
	cmd->flush_at = 0;
}

/**
 * nbd_flush_emptied() - a connection has gone, and all of its commands were taken back
 * @conn: the connection, which has no other socket yet
 * @lost: counts it if there was something to flush
 *
 * A flush that is not over in spite of that was on its way to it. It may yet be sent over
 * the next socket, or mark that as unflushed, and neither tells anybody: it counts here,
 * at worst for nothing.
 *
 * Context: any.
 */
void nbd_flush_emptied(struct nbd_conn *conn, atomic_t *lost)
{
	/* Ordered by nbd_conn_take_down(), which lets the slot be filled after this. */
	if (!nbd_flush_forget(conn, lost) && atomic_read(&conn->unflushed))
		atomic_inc(lost);
}

static bool nbd_flush_done(struct nbd_conn *conn, struct nbd_cmd *cmd)
{
	if (cmd->error) {
		nbd_flush_undo(conn, cmd);
		return false;
	}
	atomic_sub(NBD_UNFLUSHED_FLUSH, &conn->unflushed);
	cmd->flush_at++;
	return true;
}

/**
 * nbd_flush_answered() - a command was answered, the block layer not yet told
 * @conn: the connection
 * @cmd: the command
 *
 * Context: any.
 * Return: true for a flush that went well and may have to go on.
 */
bool nbd_flush_answered(struct nbd_conn *conn, struct nbd_cmd *cmd)
{
	switch (cmd->type & 0xffff) {
	case NBD_CMD_FLUSH:
		return nbd_flush_done(conn, cmd);
	case NBD_CMD_WRITE:
	case NBD_CMD_TRIM:
	case NBD_CMD_WRITE_ZEROES:
		if (!cmd->error && !(cmd->type & NBD_CMD_FLAG_FUA) &&
		    !(atomic_read(&conn->unflushed) & NBD_UNFLUSHED_WRITES))
			atomic_or(NBD_UNFLUSHED_WRITES, &conn->unflushed);
		return false;
	default:
		return false;
	}
}
