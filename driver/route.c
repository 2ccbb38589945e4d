// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which connection a command travels on.
 *
 * Requests in flight say how busy a connection is, but not that it is slow: its
 * path may be congested, or lose packets, while the others are fine. So each
 * connection has a smoothed latency, and one that is much slower than another
 * is avoided for a while. Then it gets requests again, and is either as good as
 * the others or is avoided once more. A latency alone says nothing, since the last
 * of eight requests waits for the others where a server takes them one by one;
 * nor does the time between two answers, which is long where few are in flight.
 * Slow is who is slow by both.
 *
 * And they do not say whether another connection would help. What goes to a
 * server in one burst costs less than what goes over several connections, by a
 * send, a wake-up and the other thread's share of the CPU for each. A server
 * that takes microseconds for a request is better left on one connection; one
 * that takes milliseconds wants all of them. So it is measured how long a
 * request takes on a busy connection, and a request goes to another one when it
 * would have to wait for longer than several such wake-ups cost.
 *
 * A server on this machine may have a thread for each connection, and if these
 * are more than processors, and the processors have nothing to spare, then the
 * threads only take turns. So no more connections than processors are used then,
 * unless a request would wait there for long.
 */
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/sched/clock.h>

#include "conn-io.h"
#include "flush.h"
#include "queue.h"
#include "spare.h"

/* Slow: an answer takes that many jiffies, and times what another one needs. */
#define NBD_SLOW_JIFFIES	3
#define NBD_SLOW_FACTOR		4
/* Avoided for so many times its latency, but not longer than for that. */
#define NBD_AVOID_FACTOR	16
#define NBD_AVOID_MAX		(2 * HZ)
/* More than any number of commands in flight. */
#define NBD_AVOID_LOAD		BIT(30)

/* Smoothed over so many samples, as powers of two. */
#define NBD_LATENCY_SHIFT	3
#define NBD_SERVICE_SHIFT	3

/* A wait is worth so many switches to another thread, but not more than that. */
#define NBD_SPREAD_FACTOR	8
#define NBD_SPREAD_MAX		NSEC_PER_MSEC
/* If the server's threads are on our CPUs, and too many for each to have one. */
#define NBD_CROWDED_FACTOR	256
#define NBD_CROWDED_MAX		(5 * NSEC_PER_MSEC)
/*
 * No longer than that is waited rather than have more threads take turns, several
 * times what 32 requests of 1 MiB take that are only copied; and for an answer of
 * a connection that is silent no longer than several times what it takes.
 */
#define NBD_CROWD_WAIT		(80 * NSEC_PER_MSEC)
#define NBD_CROWD_SILENT	(20 * NSEC_PER_MSEC)
#define NBD_CROWD_FACTOR	4

/* Its load, in such a way that one to be avoided comes after all others. */
static int nbd_route_load(const struct nbd_conn *conn)
{
	int load = atomic_read(&conn->in_flight);

	if (unlikely(time_before(jiffies, READ_ONCE(conn->avoid_until))))
		load += NBD_AVOID_LOAD;
	return load;
}

/* Has it been silent for longer than @limit? There are commands before this one. */
static bool nbd_route_silent(const struct nbd_conn *conn, u64 now, u64 limit)
{
	return (s64)(now - READ_ONCE(conn->progress_at)) > (s64)limit;
}

/*
 * Will a command be answered soon, although others are before it? Not if nothing
 * is known of the connection yet, one of them may take long, or there was no answer
 * for a while.
 */
static bool nbd_route_soon(const struct nbd_queue_config *config,
			   const struct nbd_conn *conn, int load, u64 now)
{
	u64 service = READ_ONCE(conn->service);
	u64 spread = READ_ONCE(config->spread);

	return service && !atomic_read(&conn->lengthy) &&
	       load < conn->depth && load * service <= spread &&
	       !nbd_route_silent(conn, now, spread);
}

/* The best of the first @count connections, see nbd_queue_pick(). */
static struct nbd_conn *nbd_route_best(const struct nbd_queue_config *config,
				       unsigned int count, unsigned int home,
				       u64 now)
{
	struct nbd_conn *best = NULL;
	int least = INT_MAX;
	unsigned int i;

	for (i = 0; i < count; i++) {
		struct nbd_conn *conn = config->conns[(home + i) % count];
		int load = nbd_route_load(conn);

		if (!nbd_conn_usable(conn))
			continue;
		if (!load || nbd_route_soon(config, conn, load, now))
			return conn;
		if (load < least) {
			least = load;
			best = conn;
		}
	}
	return best;
}

/* May a command wait for it, if the others would only take turns with it? */
static bool nbd_route_waits(const struct nbd_conn *conn, u64 now)
{
	u64 service = READ_ONCE(conn->service);
	int load = nbd_route_load(conn);
	u64 silent = clamp_t(u64, service * NBD_CROWD_FACTOR, NBD_CROWD_SILENT,
			     NBD_CROWD_WAIT);

	if (!load)
		return true;
	return service && !atomic_read(&conn->lengthy) &&
	       load < conn->depth && load * service <= NBD_CROWD_WAIT &&
	       !nbd_route_silent(conn, now, silent);
}

/* So many of the connections, from the first one, that @few of them are usable. */
static unsigned int nbd_route_first(const struct nbd_queue_config *config,
				    unsigned int few)
{
	unsigned int i;

	for (i = 0; few && i < config->nr_conns; i++)
		few -= nbd_conn_usable(config->conns[i]);
	return i;
}

/**
 * nbd_queue_pick() - choose the connection for a command
 * @config: the connections
 * @home: hardware queue that the command comes from
 *
 * From the home connection on, the first one that is idle or will answer soon;
 * else the live one with the fewest commands in flight, so that a single thread
 * uses all of them; one that is avoided only if there is no other. If more than a
 * few would be a crowd, one of the first few.
 *
 * Context: any; the configuration must not go away.
 * Return: a connection that was live a moment ago, or NULL.
 */
struct nbd_conn *nbd_queue_pick(const struct nbd_queue_config *config,
				unsigned int home)
{
	u64 now = config->nr_conns > 1 ? local_clock() : 0;
	unsigned int crowd = READ_ONCE(config->crowd);
	struct nbd_conn *conn;

	if (crowd && !nbd_spare()) {
		conn = nbd_route_best(config, nbd_route_first(config, crowd),
				      home, now);
		if (conn && nbd_route_waits(conn, now))
			return conn;
	}
	return nbd_route_best(config, config->nr_conns, home, now);
}

/* A flush says most where acknowledged writes are not older, see loss.h. */
static struct nbd_conn *nbd_route_oldest(const struct nbd_queue_config *config,
					 struct nbd_conn *conn)
{
	unsigned int i;

	for (i = 0; i < config->nr_conns && conn; i++) {
		struct nbd_conn *other = config->conns[i];

		if ((s32)(other->birth - conn->birth) < 0 &&
		    nbd_conn_usable(other))
			conn = other;
	}
	return conn;
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

	if (likely(cmd->type != NBD_CMD_FLUSH))
		return nbd_queue_pick(config, home);
	if (!config->flush_each)
		return nbd_route_oldest(config,
					nbd_queue_pick(config, home));
	conn = nbd_flush_next(config->conns, config->nr_conns, cmd);
	if (!conn)
		conn = nbd_queue_pick(config, home);
	if (conn)
		nbd_flush_begin(conn, cmd);
	else
		cmd->flush_at = 0;
	return conn;
}

/*
 * For how many times as long as a command takes @self is to be avoided: not at all,
 * or for long if another one is that much faster. An idle one of which nothing is
 * known may be, which is tried out at once.
 */
static unsigned int nbd_route_avoid(const struct nbd_queue_config *config,
				    const struct nbd_conn *self, u32 latency)
{
	u32 service = READ_ONCE(self->service);
	unsigned int i, factor = 0;

	for (i = 0; i < config->nr_conns; i++) {
		const struct nbd_conn *other = config->conns[i];
		u32 its_latency = READ_ONCE(other->latency);
		u32 its_service = READ_ONCE(other->service);

		if (other == self || !nbd_conn_live(other))
			continue;
		if (!its_latency || !its_service) {
			if (!atomic_read(&other->in_flight))
				factor = 1;
		} else if (its_latency < latency / NBD_SLOW_FACTOR &&
			   its_service < service / NBD_SLOW_FACTOR) {
			return NBD_AVOID_FACTOR;
		}
	}
	return factor;
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
	unsigned int factor;

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
	factor = nbd_route_avoid(config, conn, latency);
	if (factor)
		WRITE_ONCE(conn->avoid_until, jiffies +
			   min_t(unsigned long, age * factor, NBD_AVOID_MAX));
}

/**
 * nbd_route_served() - a busy connection has answered
 * @conn: the connection
 * @count: so many commands at once that say how fast it is, if any do
 * @most: nanoseconds that these have taken at most: it may have been busy with
 *	others before
 * @now: local_clock()
 *
 * Context: any; one caller at a time is right, more do no harm.
 */
void nbd_route_served(struct nbd_conn *conn, unsigned int count, u64 most,
		      u64 now)
{
	s64 took = clamp_t(s64, now - READ_ONCE(conn->progress_at), 0, most);
	s64 service = READ_ONCE(conn->service);
	s64 each;

	WRITE_ONCE(conn->progress_at, now);
	if (!count)
		return;
	each = min_t(s64, div_u64(took, count), U32_MAX);
	if (service)
		each = service + ((each - service) >> NBD_SERVICE_SHIFT);
	/* 0 is "no answer yet". */
	WRITE_ONCE(conn->service, max_t(s64, each, 1));
}

/**
 * nbd_route_answered() - a connection has answered some commands
 * @config: the connections
 * @conn: the one that carried them
 * @list: the commands, by their @node
 *
 * Context: any; one caller at a time is right, more do no harm.
 */
void nbd_route_answered(const struct nbd_queue_config *config,
			struct nbd_conn *conn, const struct llist_node *list)
{
	unsigned int count = 0, lengthy = 0;
	const struct nbd_cmd *cmd;
	unsigned long age = 0;

	llist_for_each_entry(cmd, list, node) {
		if (nbd_cmd_is_lengthy(cmd)) {
			lengthy++;
		} else {
			age = max(age, jiffies - cmd->sent_at);
			count++;
		}
	}
	/* Not the time of a flush for a write that came with it. */
	nbd_route_served(conn, lengthy ? 0 : count, jiffies_to_nsecs(age + 1),
			 local_clock());
	if (count)
		nbd_route_learn(config, conn, age);
}

/* Are the servers of all connections on this machine? */
static bool nbd_route_local(struct nbd_conn *const *conns, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!conns[i]->local)
			return false;
	return true;
}

static u64 nbd_route_spread(struct nbd_conn *const *conns, unsigned int count)
{
	u64 cost = max_t(u64, nbd_io_switch_ns(), 1);

	if (count < 2)
		return 0;
	if (count >= num_online_cpus() && nbd_route_local(conns, count))
		return min_t(u64, cost * NBD_CROWDED_FACTOR, NBD_CROWDED_MAX);
	return min_t(u64, cost * NBD_SPREAD_FACTOR, NBD_SPREAD_MAX);
}

static unsigned int nbd_route_crowd(struct nbd_conn *const *conns,
				    unsigned int count)
{
	unsigned int cpus = num_online_cpus();

	return count > cpus && nbd_route_local(conns, count) ? cpus : 0;
}

/**
 * nbd_route_setup() - decide how commands spread over connections
 * @config: its @conns and @nr_conns are set, and the connections have sockets;
 *	@spread and @crowd are set, also while commands are routed
 *
 * Context: process; the caller keeps others from setting them.
 */
void nbd_route_setup(struct nbd_queue_config *config)
{
	WRITE_ONCE(config->spread,
		   nbd_route_spread(config->conns, config->nr_conns));
	WRITE_ONCE(config->crowd,
		   nbd_route_crowd(config->conns, config->nr_conns));
}
