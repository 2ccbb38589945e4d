// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which acknowledged writes a flush comes too late for.
 */
#include "loss.h"

/**
 * nbd_loss_reset() - a new configuration: nothing was written
 * @loss: of a queue without requests
 *
 * Context: any.
 */
void nbd_loss_reset(struct nbd_loss *loss)
{
	loss->births = 0;
	atomic_set(&loss->since, 0);
	atomic_set(&loss->kept, 0);
	atomic_set(&loss->news, 0);
	atomic_set(&loss->lost, 0);
	atomic_set(&loss->heard, 0);
	atomic_set(&loss->told, 0);
	atomic_set(&loss->count, 0);
	spin_lock_init(&loss->lock);
	loss->out = NULL;
}

/**
 * nbd_loss_birth() - the device gets a lot of sockets
 * @loss: of its queue
 * @conns: connections that are DOWN, with sockets
 * @count: how many
 *
 * nbd_loss_born() ends it, when they are LIVE: what others carry in between counts as
 * older than they are, which at worst gives a false alarm.
 *
 * Context: process; the caller excludes other changes of the configuration.
 */
void nbd_loss_birth(struct nbd_loss *loss, struct nbd_conn **conns,
		    unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		conns[i]->birth = loss->births + 1;
}

/**
 * nbd_loss_born() - the end of nbd_loss_birth()
 * @loss: of the queue
 *
 * Context: as nbd_loss_birth().
 */
void nbd_loss_born(struct nbd_loss *loss)
{
	WRITE_ONCE(loss->births, loss->births + 1);
}

/* There is something unflushed from then, 0 for nothing: the oldest counts. */
static void nbd_loss_note(atomic_t *since, u32 birth)
{
	int old = atomic_read(since);

	while (birth && (!old || (s32)(birth - old) < 0)) {
		if (atomic_try_cmpxchg(since, &old, birth))
			break;
	}
}

/* Is something unflushed from before then? */
static bool nbd_loss_older(u32 since, u32 birth)
{
	return since && (s32)(birth - since) > 0;
}

/**
 * nbd_loss_issue() - a command that is no flush is about to be issued
 * @loss: of its queue
 * @cmd: the command; gets its birth
 * @conn: the connection that is to carry it
 *
 * It may be of a lot that is being born: then all of that exist.
 *
 * Context: any.
 */
void nbd_loss_issue(const struct nbd_loss *loss, struct nbd_cmd *cmd,
		    const struct nbd_conn *conn)
{
	u32 births = READ_ONCE(loss->births);
	u32 birth = READ_ONCE(conn->birth);

	cmd->birth = (s32)(birth - births) > 0 ? birth : births;
}

/**
 * nbd_loss_written() - the server answered a command without an error
 * @loss: of its queue
 * @cmd: the command, with its birth; the block layer was not told yet
 *
 * That it was issued before some sockets came proves nothing of who answers those: its
 * own answer may have been under way since before.
 *
 * A flush that is sent after this is after the command for the server, too, even if
 * what is noted here was noted before and is taken by that flush at the same time.
 *
 * Context: any.
 */
void nbd_loss_written(struct nbd_loss *loss, const struct nbd_cmd *cmd)
{
	if (nbd_cmd_changes_data(cmd) && !(cmd->type & NBD_CMD_FLAG_FUA))
		nbd_loss_note(&loss->since, cmd->birth);
}

/**
 * nbd_loss_prepare() - a flush begins
 * @loss: of its queue
 * @cmd: the flush; covers nothing yet
 *
 * Context: any.
 */
void nbd_loss_prepare(const struct nbd_loss *loss, struct nbd_cmd *cmd)
{
	cmd->covers = 0;
	cmd->began = READ_ONCE(loss->births);
	cmd->lost = atomic_read(&loss->lost);
}

/* Raise @seen to @lost. True for one of those who do. */
static bool nbd_loss_raise(atomic_t *seen, int lost)
{
	int old = atomic_read(seen);

	while (lost - old > 0) {
		if (atomic_try_cmpxchg(seen, &old, lost))
			return true;
	}
	return false;
}

/* Did a connection go that alone could have flushed what it carried? */
static bool nbd_loss_carried(struct nbd_loss *loss, struct nbd_cmd *cmd)
{
	int lost = atomic_read(&loss->lost);

	if (likely(lost == cmd->lost))
		return nbd_loss_raise(&loss->told, lost);
	/* Who was on the way does not take it from who comes after. */
	nbd_loss_raise(&loss->heard, lost);
	cmd->lost = lost;
	return true;
}

/*
 * What the flush is to cover. Whoever takes what is too old leaves the news, before it is
 * gone, for those who were on their way and find nothing.
 */
static u32 nbd_loss_take(struct nbd_loss *loss, u32 birth)
{
	int since = atomic_read(&loss->since);

	do {
		if (unlikely(nbd_loss_older(since, birth)))
			nbd_loss_raise(&loss->news, birth);
	} while (!atomic_try_cmpxchg(&loss->since, &since, 0));
	return since;
}

/*
 * Has another flush taken what this one, which was on its way, is about? Even if this one
 * travels on an older connection than that one: it may have been routed before.
 */
static bool nbd_loss_overtaken(u32 news, const struct nbd_cmd *cmd)
{
	return news && (s32)(news - cmd->began) > 0;
}

/*
 * Is another flush, on an older connection, about what would be too old for one of
 * @birth? It shows what comes of that when it is over.
 */
static bool nbd_loss_in_hand(const struct nbd_loss *loss, u32 birth)
	__must_hold(&loss->lock)
{
	const struct nbd_cmd *other;

	for (other = loss->out; other; other = other->out) {
		if (nbd_loss_older(other->birth, birth) &&
		    nbd_loss_older(other->covers, birth))
			return true;
	}
	return false;
}

/* Did the server that is to answer come after what the flush is about? */
static bool nbd_loss_newer(struct nbd_loss *loss, struct nbd_cmd *cmd)
{
	bool after = (s32)(cmd->birth - cmd->began) <= 0;
	bool late = nbd_loss_older(cmd->covers, cmd->birth);
	u32 news = atomic_read(&loss->news);

	if (unlikely(late && after))
		cmd->covers = cmd->birth;
	if (!after)
		late |= nbd_loss_overtaken(news, cmd);
	else if (unlikely(nbd_loss_older(atomic_read(&loss->kept), cmd->birth)))
		/* One of those that begin after it takes it. */
		late |= atomic_xchg(&loss->kept, 0) != 0;
	if (unlikely(late))
		/* That is known to it now. */
		cmd->began = nbd_loss_older(cmd->birth, news) ?
			     news : cmd->birth;
	return late;
}

/* Each connection is flushed by itself: only @loss->lost says what went with one. */
static bool nbd_loss_flush_each(struct nbd_loss *loss, struct nbd_cmd *cmd)
{
	bool late = nbd_loss_carried(loss, cmd);
	/* nbd_flush_begin() has given it its birth. */
	u32 since = nbd_loss_take(loss, cmd->birth);

	/* What it covers already, on its way over several connections, is older. */
	if (!cmd->covers)
		cmd->covers = since;
	if (late)
		cmd->covers = 0;
	return late;
}

static int nbd_loss_flush_all(struct nbd_loss *loss, struct nbd_cmd *cmd)
	__must_hold(&loss->lock)
{
	bool late;

	if (unlikely(nbd_loss_in_hand(loss, cmd->birth)))
		return -EAGAIN;
	late = nbd_loss_carried(loss, cmd);
	cmd->covers = nbd_loss_take(loss, cmd->birth);
	late |= nbd_loss_newer(loss, cmd);
	if (cmd->covers) {
		cmd->out = loss->out;
		loss->out = cmd;
	}
	return late;
}

/**
 * nbd_loss_flush() - a flush is about to be issued
 * @loss: of its queue
 * @cmd: the flush; notes what it covers, and gets the birth of @conn
 * @conn: the connection that is to carry it
 * @each: each connection is flushed by itself
 *
 * While another flush is on its way over a connection that has gone, and is about writes
 * that @conn is too young for, nobody knows yet whether they are lost: nothing would show
 * them to this one.
 *
 * Context: any.
 * Return: 1 if it may come too late for a write. Every flush is told that began
 * before that went, and one of those that began after it, who may have written what
 * went, too, unless nobody can have, see nbd_loss_closed(). It covers what was written
 * since, which may need it. 0 if it does not. -EAGAIN if it has to begin again after a
 * while; then nothing has changed. What was covered is given back, or not, by
 * nbd_loss_told(), nbd_loss_unflushed() or nbd_loss_flushed().
 */
int nbd_loss_flush(struct nbd_loss *loss, struct nbd_cmd *cmd,
		   const struct nbd_conn *conn, bool each)
{
	int late;

	if (each) {
		late = nbd_loss_flush_each(loss, cmd);
	} else {
		cmd->birth = READ_ONCE(conn->birth);
		spin_lock_bh(&loss->lock);
		late = nbd_loss_flush_all(loss, cmd);
		spin_unlock_bh(&loss->lock);
	}
	if (unlikely(late > 0))
		atomic_inc(&loss->count);
	return late;
}

/**
 * nbd_loss_missed() - did a connection go meanwhile with what a flush had to cover?
 * @loss: of its queue
 * @cmd: the flush, which was answered by all that it could reach
 *
 * Context: any; nbd_flush_orphaned() has looked.
 * Return: true if so; then it has to be issued once more, and be told.
 */
bool nbd_loss_missed(const struct nbd_loss *loss, const struct nbd_cmd *cmd)
{
	/* Pairs with nbd_flush_forget(), nbd_flush_lost() and nbd_flush_emptied(). */
	smp_rmb();
	return atomic_read(&loss->lost) != cmd->lost;
}

/**
 * nbd_loss_moved() - was a flush sent over another socket than it was meant for?
 * @conn: the connection that has answered it
 * @cmd: the flush
 *
 * The connection may have gone, and come back with another socket, between
 * nbd_loss_flush() and sending.
 *
 * Context: any.
 * Return: true if so; then it may have come too late, and has to begin again.
 */
bool nbd_loss_moved(const struct nbd_conn *conn, const struct nbd_cmd *cmd)
{
	return cmd->birth != READ_ONCE(conn->birth);
}

/* There are no more of them than hardware queues. */
static void nbd_loss_come_back(struct nbd_loss *loss, struct nbd_cmd *cmd)
	__must_hold(&loss->lock)
{
	struct nbd_cmd **at;

	for (at = &loss->out; *at; at = &(*at)->out) {
		if (*at == cmd) {
			*at = cmd->out;
			break;
		}
	}
}

/* In one section of the lock: it is always seen in one of both places. */
static void nbd_loss_give_back(struct nbd_loss *loss, struct nbd_cmd *cmd)
	__must_hold(&loss->lock)
{
	nbd_loss_note(&loss->since, cmd->covers);
	cmd->covers = 0;
	nbd_loss_come_back(loss, cmd);
}

/**
 * nbd_loss_unflushed() - a flush did not do what it was for
 * @loss: of its queue
 * @cmd: the flush; what it was to cover is unflushed again
 *
 * Context: any.
 */
void nbd_loss_unflushed(struct nbd_loss *loss, struct nbd_cmd *cmd)
{
	spin_lock_bh(&loss->lock);
	nbd_loss_give_back(loss, cmd);
	spin_unlock_bh(&loss->lock);
}

/**
 * nbd_loss_flushed() - a flush did what it was for
 * @loss: of its queue
 * @cmd: the flush
 *
 * Context: any.
 */
void nbd_loss_flushed(struct nbd_loss *loss, struct nbd_cmd *cmd)
{
	if (!cmd->covers)
		return;
	spin_lock_bh(&loss->lock);
	nbd_loss_come_back(loss, cmd);
	spin_unlock_bh(&loss->lock);
}

/**
 * nbd_loss_told() - a flush that nbd_loss_flush() is 1 for fails
 * @loss: of its queue
 * @cmd: the flush, which was not sent: what it was to cover is unflushed again
 *
 * What is older than the connection is for the next one that begins, if this one was on
 * its way.
 *
 * Context: any.
 */
void nbd_loss_told(struct nbd_loss *loss, struct nbd_cmd *cmd)
{
	spin_lock_bh(&loss->lock);
	if (nbd_loss_older(cmd->covers, cmd->birth)) {
		nbd_loss_note(&loss->kept, cmd->covers);
		cmd->covers = cmd->birth;
	}
	nbd_loss_give_back(loss, cmd);
	spin_unlock_bh(&loss->lock);
}

/**
 * nbd_loss_closed() - nobody has the device open
 * @loss: of its queue
 *
 * Then no program is left whose flush waits in the block layer behind one that was told:
 * who opens the device next, to mount it again, must not fail for that. What nobody was
 * told of stays for the next flush.
 *
 * Context: any.
 */
void nbd_loss_closed(struct nbd_loss *loss)
{
	atomic_set(&loss->kept, 0);
	nbd_loss_raise(&loss->told, atomic_read(&loss->heard));
}
