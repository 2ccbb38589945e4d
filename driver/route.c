// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which connection a command travels on.
 *
 * Requests in flight say how busy a connection is, but not that it is slow: its
 * path may be congested, or lose packets, while the others are fine. So each
 * connection has a smoothed latency, and one that is much slower than the
 * fastest is avoided for a while. Then it gets requests again, and is either as
 * good as the others or is avoided once more.
 */
#include <linux/jiffies.h>

#include "flush.h"
#include "queue.h"

/* Slow: an answer takes that many jiffies and times the fastest's latency. */
#define NBD_SLOW_JIFFIES	3
#define NBD_SLOW_FACTOR		4
/* Avoided for so many times its latency, but not longer than for that. */
#define NBD_AVOID_FACTOR	16
#define NBD_AVOID_MAX		(2 * HZ)
/* More than any number of commands in flight. */
#define NBD_AVOID_LOAD		BIT(30)

/* Smoothed over this many samples, a power of two. */
#define NBD_LATENCY_SHIFT	3

/* Its load, in such a way that one to be avoided comes after all others. */
static int nbd_route_load(const struct nbd_conn *conn)
{
	int load = atomic_read(&conn->in_flight);

	if (unlikely(time_before(jiffies, READ_ONCE(conn->avoid_until))))
		load += NBD_AVOID_LOAD;
	return load;
}

/**
 * nbd_queue_pick() - choose the connection for a command
 * @config: the connections
 * @home: hardware queue that the command comes from
 *
 * The home connection while it is idle, else the live one with the fewest
 * commands in flight, so that a single thread uses all of them; one that is
 * avoided only if there is no other.
 *
 * Context: any; the configuration must not go away.
 * Return: a connection that was live a moment ago, or NULL.
 */
struct nbd_conn *nbd_queue_pick(const struct nbd_queue_config *config,
				unsigned int home)
{
	struct nbd_conn *best = NULL;
	int least = INT_MAX;
	unsigned int i;

	for (i = 0; i < config->nr_conns && least; i++) {
		struct nbd_conn *conn =
			config->conns[(home + i) % config->nr_conns];
		int load = nbd_route_load(conn);

		if (load < least && nbd_conn_live(conn)) {
			least = load;
			best = conn;
		}
	}
	return best;
}

/**
 * nbd_queue_route() - choose the connection for a command, whatever it is
 * @config: the connections
 * @home: hardware queue that the command comes from
 * @cmd: the command, prepared
 *
 * Context: any; the configuration must not go away.
 * Return: as nbd_queue_pick().
 */
struct nbd_conn *nbd_queue_route(const struct nbd_queue_config *config,
				 unsigned int home, struct nbd_cmd *cmd)
{
	struct nbd_conn *conn;

	if (likely(!config->flush_each || cmd->type != NBD_CMD_FLUSH))
		return nbd_queue_pick(config, home);
	conn = nbd_flush_next(config->conns, config->nr_conns, cmd);
	if (!conn)
		conn = nbd_queue_pick(config, home);
	if (conn)
		nbd_flush_begin(conn);
	else
		cmd->flush_at = 0;
	return conn;
}

/* One that has had no answer yet counts, as fast, while it is idle. */
static u32 nbd_fastest_other(const struct nbd_queue_config *config,
			     const struct nbd_conn *self)
{
	u32 fastest = U32_MAX;
	unsigned int i;

	for (i = 0; i < config->nr_conns; i++) {
		const struct nbd_conn *conn = config->conns[i];
		u32 latency = READ_ONCE(conn->latency);

		if (conn == self || !nbd_conn_live(conn) ||
		    (!latency && atomic_read(&conn->in_flight)))
			continue;
		fastest = min(fastest, latency);
	}
	return fastest;
}

/**
 * nbd_route_learn() - a command was answered after some time
 * @config: the connections
 * @conn: the one that carried it
 * @age: jiffies since it was sent
 *
 * Context: any; one caller at a time is right, more do no harm.
 */
void nbd_route_learn(const struct nbd_queue_config *config,
		     struct nbd_conn *conn, unsigned long age)
{
	u32 latency = READ_ONCE(conn->latency);
	u32 fastest;

	age = min_t(unsigned long, age, NBD_AVOID_MAX);
	if (latency)
		latency += age - (latency >> NBD_LATENCY_SHIFT);
	else
		latency = age << NBD_LATENCY_SHIFT;
	/* 0 is "no answer yet". */
	latency = max(latency, 1u);
	WRITE_ONCE(conn->latency, latency);
	if (likely(age < NBD_SLOW_JIFFIES) ||
	    latency < NBD_SLOW_JIFFIES << NBD_LATENCY_SHIFT ||
	    time_before(jiffies, READ_ONCE(conn->avoid_until)))
		return;
	fastest = nbd_fastest_other(config, conn);
	if (fastest < latency / NBD_SLOW_FACTOR)
		WRITE_ONCE(conn->avoid_until, jiffies +
			   min_t(unsigned long, age * NBD_AVOID_FACTOR,
				 NBD_AVOID_MAX));
}
