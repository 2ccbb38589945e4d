// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which connection a command travels on.
 */
#include "flush.h"
#include "queue.h"

/**
 * nbd_queue_pick() - choose the connection for a command
 * @config: the connections
 * @home: hardware queue that the command comes from
 *
 * The home connection while it is idle, else the live one with the fewest
 * commands in flight, so that a single thread uses all of them.
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
		int load = atomic_read(&conn->in_flight);

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
