// SPDX-License-Identifier: GPL-2.0-only
/*
 * From what the server said to the limits of the disk.
 */
#include <linux/log2.h>
#include <linux/netlink.h>
#include <linux/sizes.h>

#include "compat/block.h"
#include "dev.h"

/* With several connections a large request is better cut than sent whole. */
#define NBD_SHARED_REQUEST	SZ_512K
/* While one request is served, the next one of a reader must be there already. */
#define NBD_READ_AHEAD_FACTOR	2
#define NBD_READ_AHEAD_MIN	SZ_128K
/* Of a few connections, and of many. */
#define NBD_READ_AHEAD_FEW	SZ_8M
#define NBD_READ_AHEAD_MANY	SZ_16M

static u32 nbd_payload_max(const struct nbd_params *params)
{
	return round_down(params->payload_max, params->block_size);
}

static u32 nbd_read_ahead_max(unsigned int connections)
{
	return clamp_t(u64, (u64)NBD_READ_AHEAD_FACTOR * connections *
			    NBD_SHARED_REQUEST,
		       NBD_READ_AHEAD_FEW, NBD_READ_AHEAD_MANY);
}

/*
 * As large as it can be if what is read ahead is to give each connection its
 * share: a server that takes long for each request must not get smaller ones only
 * because it has a second connection.
 */
static u32 nbd_shared_request(unsigned int connections)
{
	u32 share = nbd_read_ahead_max(connections) / connections /
		    NBD_READ_AHEAD_FACTOR;

	return max_t(u32, rounddown_pow_of_two(share), NBD_SHARED_REQUEST);
}

/* The soft limit: how large a request gets before the block layer cuts it. */
static u32 nbd_soft_limit(const struct nbd_params *params,
			  unsigned int connections)
{
	u32 limit = nbd_payload_max(params);

	if (params->max_request)
		limit = min(limit, params->max_request);
	else if (connections > 1)
		limit = min_t(u32, limit,
			      max(params->preferred,
				  nbd_shared_request(connections)));
	limit = round_down(limit, params->block_size);
	return max_t(u32, limit, PAGE_SIZE);
}

/*
 * Enough to keep each connection busy with requests of the soft limit, and never
 * less than a single connection would get: a server that answers many requests at
 * once must not be asked for less because it has more connections.
 */
static u32 nbd_read_ahead(const struct nbd_params *params,
			  unsigned int connections)
{
	u64 bytes = (u64)NBD_READ_AHEAD_FACTOR * connections *
		    nbd_soft_limit(params, connections);

	if (params->read_ahead)
		return params->read_ahead;
	bytes = max_t(u64, bytes, (u64)NBD_READ_AHEAD_FACTOR *
				  nbd_soft_limit(params, 1));
	return clamp_t(u64, bytes, NBD_READ_AHEAD_MIN,
		       nbd_read_ahead_max(connections));
}

/**
 * nbd_limits_check() - can a disk be made of this?
 * @params: what was asked for
 * @extack: says what is wrong
 *
 * Context: process.
 * Return: 0, -EINVAL or -ERANGE.
 */
int nbd_limits_check(const struct nbd_params *params,
		     struct netlink_ext_ack *extack)
{
	if (params->size > S64_MAX) {
		NL_SET_ERR_MSG(extack, "the size is 2^63 bytes or more");
		return -ERANGE;
	}
	if (!is_power_of_2(params->block_size) ||
	    params->block_size < SECTOR_SIZE ||
	    params->block_size > NBD_BLOCK_MAX) {
		NL_SET_ERR_MSG(extack, "block size: a power of two, 512 to " NBD_BLOCK_MAX_TEXT);
		return -EINVAL;
	}
	if (!is_power_of_2(params->preferred)) {
		NL_SET_ERR_MSG(extack, "preferred block: a power of two");
		return -EINVAL;
	}
	if (params->payload_max < max_t(u32, PAGE_SIZE, params->block_size)) {
		NL_SET_ERR_MSG(extack, "largest payload: at least a page, and a block");
		return -EINVAL;
	}
	if (params->max_request &&
	    (params->max_request < PAGE_SIZE ||
	     params->max_request % params->block_size)) {
		NL_SET_ERR_MSG(extack, "largest request: a multiple of the block, at least a page");
		return -EINVAL;
	}
	return 0;
}

static void nbd_limits_derive(const struct nbd_params *params,
			      unsigned int connections,
			      struct nbd_limits *limits)
{
	u64 flags = params->server_flags;
	u32 whole;

	memset(limits, 0, sizeof(*limits));
	limits->logical = params->block_size;
	limits->physical = clamp_t(u32, params->preferred, params->block_size,
				   max_t(u32, PAGE_SIZE, params->block_size));
	limits->io_min = max(params->preferred, limits->physical);
	limits->max_hw_sectors = nbd_payload_max(params) >> SECTOR_SHIFT;
	limits->max_sectors = nbd_soft_limit(params, connections) >>
			      SECTOR_SHIFT;
	/* Linux 6.12 cuts off what is no whole physical block. */
	whole = round_down(UINT_MAX, limits->physical) >> SECTOR_SHIFT;
	if (flags & NBD_FLAG_SEND_TRIM)
		limits->discard_sectors = whole;
	if (nbd_zeroes_possible(flags, params->zeroes))
		limits->zeroes_sectors = whole;
	if (limits->zeroes_sectors &&
	    nbd_zeroes_fast(flags, params->zeroes, true))
		limits->zeroes_unmap_sectors = whole;
	limits->cache = flags & NBD_FLAG_SEND_FLUSH;
	limits->fua = flags & NBD_FLAG_SEND_FUA;
	limits->rotational = flags & NBD_FLAG_ROTATIONAL;
}

/**
 * nbd_limits_apply() - set all limits of the device's disk
 * @dev: a device with checked parameters and its connections allocated
 *
 * Nothing of the disk's last configuration is left.
 *
 * Context: process, sleeps; @dev->lock.
 * Return: 0, or what the block layer says.
 */
int nbd_limits_apply(struct nbd_dev *dev)
{
	unsigned long timeout = dev->params.timeout ?
		dev->params.timeout * HZ : 30 * HZ;
	struct nbd_limits limits;
	int ret;

	nbd_limits_derive(&dev->params, dev->nr_conns, &limits);
	ret = nbd_set_limits(dev->disk, &limits);
	if (ret)
		return ret;
	nbd_set_read_ahead(dev->disk,
			   nbd_read_ahead(&dev->params, dev->nr_conns));
	blk_queue_rq_timeout(dev->disk->queue, timeout);
	return 0;
}
