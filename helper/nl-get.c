// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading the answers to NBD_CMD_GET and NBD_CMD_GET_LATENCY. */
#include <stdlib.h>
#include <string.h>

#include <linux/nbd-netlink.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "nl.h"

/* Where a number goes: an attribute, an offset, its width in bits. */
struct field {
	int attribute;
	size_t offset;
	int bits;
};

#define DEVICE(attr, member, bits) \
	{ attr, offsetof(struct nl_device, member), bits }
#define CONN(attr, member, bits) \
	{ attr, offsetof(struct nl_conn, member), bits }

static const struct field device_fields[] = {
	DEVICE(NBD_ATTR_INDEX, index, 32),
	DEVICE(NBD_ATTR_STATE, state, 32),
	DEVICE(NBD_ATTR_SIZE_BYTES, size, 64),
	DEVICE(NBD_ATTR_BLOCK_SIZE_BYTES, block_size, 64),
	DEVICE(NBD_ATTR_TIMEOUT, timeout, 64),
	DEVICE(NBD_ATTR_DEAD_CONN_TIMEOUT, dead_timeout, 64),
	DEVICE(NBD_ATTR_SERVER_FLAGS, server_flags, 64),
	DEVICE(NBD_ATTR_CLIENT_FLAGS, client_flags, 64),
	DEVICE(NBD_ATTR_QUEUE_DEPTH, queue_depth, 32),
	DEVICE(NBD_ATTR_BLOCK_PREFERRED, preferred, 32),
	DEVICE(NBD_ATTR_PAYLOAD_MAX, payload_max, 32),
	DEVICE(NBD_ATTR_MAX_REQUEST, max_request, 32),
	DEVICE(NBD_ATTR_READ_AHEAD, read_ahead, 32),
	DEVICE(NBD_ATTR_FENCE, fence, 32),
	DEVICE(NBD_ATTR_ZEROES, zeroes, 32),
	DEVICE(NBD_ATTR_ATTACH_FLAGS, attach_flags, 32),
	DEVICE(NBD_ATTR_HW_QUEUES, hw_queues, 32),
	DEVICE(NBD_ATTR_TAGS, tags, 32),
	DEVICE(NBD_ATTR_OPENERS, openers, 32),
	DEVICE(NBD_ATTR_PARKED, parked, 32),
	DEVICE(NBD_ATTR_LOSSES, losses, 32),
	DEVICE(NBD_ATTR_PID, pid, 32),
	DEVICE(NBD_ATTR_SERIAL, serial, 32),
	{ 0, 0, 0 },
};

static const struct field conn_fields[] = {
	CONN(NBD_CONN_ATTR_INDEX, index, 32),
	CONN(NBD_CONN_ATTR_STATE, state, 32),
	CONN(NBD_CONN_ATTR_GENERATION, generation, 32),
	CONN(NBD_CONN_ATTR_IN_FLIGHT, in_flight, 32),
	CONN(NBD_CONN_ATTR_FAILURES, failures, 32),
	CONN(NBD_CONN_ATTR_LAST_ERROR, last_error, 32),
	CONN(NBD_CONN_ATTR_REQUESTS, requests, 64),
	CONN(NBD_CONN_ATTR_BYTES_READ, bytes_read, 64),
	CONN(NBD_CONN_ATTR_BYTES_WRITTEN, bytes_written, 64),
	CONN(NBD_CONN_ATTR_ERRORS, errors, 64),
	CONN(NBD_CONN_ATTR_SINCE, since, 64),
	{ 0, 0, 0 },
};

static void read_fields(const struct field *f, struct nlattr **tb, void *out)
{
	for (; f->bits; f++) {
		struct nlattr *attr = tb[f->attribute];

		if (attr && nla_len(attr) >= f->bits / 8)
			memcpy((char *)out + f->offset, nla_data(attr),
			       (size_t)f->bits / 8);
	}
}

static int read_conns(struct nl_device *device, struct nlattr *list)
{
	struct nlattr *item, *tb[NBD_CONN_ATTR_MAX + 1];
	struct nl_conn *conns, *conn;
	int left;

	nla_for_each_nested(item, list, left) {
		if (nla_parse_nested(tb, NBD_CONN_ATTR_MAX, item, NULL) < 0)
			continue;
		conns = realloc(device->conns,
				(device->nr_conns + 1) * sizeof(*conns));
		if (!conns)
			return -1;
		device->conns = conns;
		conn = &conns[device->nr_conns++];
		memset(conn, 0, sizeof(*conn));
		read_fields(conn_fields, tb, conn);
		conn->last_error = abs(conn->last_error);
		if (tb[NBD_CONN_ATTR_PEER])
			nla_strlcpy(conn->peer, tb[NBD_CONN_ATTR_PEER],
				    sizeof(conn->peer));
	}
	return 0;
}

/**
 * nl_parse_device - append one device to a list
 * @devices: the list
 * @msg: a reply to NBD_CMD_GET
 *
 * A reply without an index is passed over.
 *
 * Return: 0, or -1 when memory ran out.
 */
int nl_parse_device(struct nl_devices *devices, struct nl_msg *msg)
{
	struct nlattr *tb[NBD_ATTR_MAX + 1];
	struct nl_device *d;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, tb, NBD_ATTR_MAX, NULL) < 0 ||
	    !tb[NBD_ATTR_INDEX])
		return 0;
	d = realloc(devices->d, (devices->n + 1) * sizeof(*d));
	if (!d)
		return -1;
	devices->d = d;
	d += devices->n++;
	memset(d, 0, sizeof(*d));
	read_fields(device_fields, tb, d);
	if (tb[NBD_ATTR_BACKEND_IDENTIFIER])
		d->backend = nla_strdup(tb[NBD_ATTR_BACKEND_IDENTIFIER]);
	if (tb[NBD_ATTR_MOVED_TO])
		d->moved_to = nla_strdup(tb[NBD_ATTR_MOVED_TO]);
	if (tb[NBD_ATTR_CONNECTIONS])
		return read_conns(d, tb[NBD_ATTR_CONNECTIONS]);
	return 0;
}

/**
 * nl_parse_latency - read histograms
 * @latency: result
 * @msg: a reply to NBD_CMD_GET_LATENCY
 */
void nl_parse_latency(struct nl_latency *latency, struct nl_msg *msg)
{
	struct nlattr *tb[NBD_ATTR_MAX + 1];
	int kind;

	memset(latency, 0, sizeof(*latency));
	if (genlmsg_parse(nlmsg_hdr(msg), 0, tb, NBD_ATTR_MAX, NULL) < 0)
		return;
	for (kind = 0; kind < NL_LATENCY_KINDS; kind++)
		if (tb[NBD_ATTR_LATENCY_READ + kind])
			nla_memcpy(latency->count[kind],
				   tb[NBD_ATTR_LATENCY_READ + kind],
				   sizeof(latency->count[kind]));
}

/**
 * nl_free_device - free what belongs to a device
 * @device: the device
 */
void nl_free_device(struct nl_device *device)
{
	size_t i;

	for (i = 0; i < device->nr_conns; i++)
		free(device->conns[i].latency);
	free(device->conns);
	free(device->moved_to);
	free(device->backend);
}

/**
 * nl_free_devices - free a list of devices
 * @devices: the list
 */
void nl_free_devices(struct nl_devices *devices)
{
	size_t i;

	for (i = 0; i < devices->n; i++)
		nl_free_device(&devices->d[i]);
	free(devices->d);
	memset(devices, 0, sizeof(*devices));
}

/**
 * nl_is_meant - whether a device is still attached as it was
 * @device: the device as it is
 * @serial: what was said when it was attached, or seen; 0: an older driver says nothing
 *
 * Return: false when it has been detached or attached anew; with an older driver true.
 */
bool nl_is_meant(const struct nl_device *device, u32 serial)
{
	return !serial || serial == device->serial;
}

/**
 * nl_live - count a device's live connections
 * @device: the device
 *
 * Return: their number.
 */
unsigned int nl_live(const struct nl_device *device)
{
	unsigned int live = 0;
	size_t i;

	for (i = 0; i < device->nr_conns; i++)
		live += device->conns[i].state == NBD_CONN_LIVE;
	return live;
}

/**
 * nl_live_peer - where a device's live connections go to
 * @device: the device
 *
 * Return: the server's address of the first of them, which is the device's, or NULL.
 */
const char *nl_live_peer(const struct nl_device *device)
{
	size_t i;

	for (i = 0; i < device->nr_conns; i++)
		if (device->conns[i].state == NBD_CONN_LIVE)
			return device->conns[i].peer;
	return NULL;
}
