// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands that only show: STATUS as upstream has it, and GET.
 */
#include "compat/block.h"
#include "netlink.h"

/* --- STATUS ---------------------------------------------------------- */

static int nbd_put_status(struct sk_buff *skb, struct nbd_dev *dev)
{
	struct nlattr *item = nla_nest_start_noflag(skb, NBD_DEVICE_ITEM);

	if (!item ||
	    nla_put_u32(skb, NBD_DEVICE_INDEX, dev->index) ||
	    nla_put_u8(skb, NBD_DEVICE_CONNECTED,
		       nbd_state_configured(nbd_dev_state(dev))))
		return -EMSGSIZE;
	nla_nest_end(skb, item);
	return 0;
}

/* The device of that number, if there is one, or all if it is -1. */
static int nbd_put_status_list(struct sk_buff *skb, int index)
{
	struct nlattr *list = nla_nest_start_noflag(skb, NBD_ATTR_DEVICE_LIST);
	const bool all = index == -1;
	struct nbd_dev *dev;
	int ret = 0;

	if (!list)
		return -EMSGSIZE;
	if (!all) {
		dev = nbd_dev_get(index);
		if (dev)
			ret = nbd_put_status(skb, dev);
		nbd_dev_put(dev);
	}
	for (index = 0; all && !ret && (dev = nbd_dev_next(&index)); index++) {
		ret = nbd_put_status(skb, dev);
		nbd_dev_put(dev);
	}
	nla_nest_end(skb, list);
	return ret;
}

/**
 * nbd_genl_status() - which devices are attached (NBD_CMD_STATUS)
 * @skb: the message
 * @info: its attributes; without NBD_ATTR_INDEX all devices are shown
 *
 * Context: process, sleeps.
 * Return: 0 or a negative errno.
 */
int nbd_genl_status(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *wanted = info->attrs[NBD_ATTR_INDEX];
	/* Stock takes an index of -1 for all, and so must we. */
	int index = wanted ? (int)nla_get_u32(wanted) : -1;
	size_t size = NLMSG_GOODSIZE;
	struct sk_buff *reply;
	void *head;
	int ret;

	/* Devices may be added while we look: grow until it fits. */
	for (; size <= SZ_1M; size *= 2) {
		reply = genlmsg_new(size, GFP_KERNEL);
		if (!reply)
			return -ENOMEM;
		head = genlmsg_put_reply(reply, info, &nbd_genl_family, 0,
					 NBD_CMD_STATUS);
		ret = -EMSGSIZE;
		if (head)
			ret = nbd_put_status_list(reply, index);
		if (!ret) {
			genlmsg_end(reply, head);
			return genlmsg_reply(reply, info);
		}
		nlmsg_free(reply);
	}
	return -EMSGSIZE;
}

/* --- GET ------------------------------------------------------------- */

static int nbd_put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, NBD_ATTR_PAD);
}

static int nbd_put_conn_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, NBD_CONN_ATTR_PAD);
}

static int nbd_put_conn_stats(struct sk_buff *skb, const struct nbd_conn *conn)
{
	const struct nbd_conn_stats *stats = &conn->stats;

	return nbd_put_conn_u64(skb, NBD_CONN_ATTR_REQUESTS,
				READ_ONCE(stats->requests)) ?:
	       nbd_put_conn_u64(skb, NBD_CONN_ATTR_BYTES_READ,
				READ_ONCE(stats->bytes_read)) ?:
	       nbd_put_conn_u64(skb, NBD_CONN_ATTR_BYTES_WRITTEN,
				READ_ONCE(stats->bytes_written)) ?:
	       nbd_put_conn_u64(skb, NBD_CONN_ATTR_ERRORS,
				READ_ONCE(stats->errors));
}

static int nbd_put_conn(struct sk_buff *skb, const struct nbd_conn *conn)
{
	struct nlattr *item = nla_nest_start(skb, NBD_CONN_ITEM);
	unsigned long age = jiffies - READ_ONCE(conn->since);

	if (!item ||
	    nla_put_u32(skb, NBD_CONN_ATTR_INDEX, conn->index) ||
	    nla_put_u32(skb, NBD_CONN_ATTR_STATE, atomic_read(&conn->state)) ||
	    nla_put_u32(skb, NBD_CONN_ATTR_GENERATION, conn->generation) ||
	    nla_put_string(skb, NBD_CONN_ATTR_PEER, conn->peer) ||
	    nla_put_u32(skb, NBD_CONN_ATTR_IN_FLIGHT,
			atomic_read(&conn->in_flight)) ||
	    nbd_put_conn_stats(skb, conn) ||
	    nla_put_u32(skb, NBD_CONN_ATTR_FAILURES,
			READ_ONCE(conn->failures)) ||
	    nla_put_s32(skb, NBD_CONN_ATTR_LAST_ERROR,
			READ_ONCE(conn->last_error)) ||
	    nbd_put_conn_u64(skb, NBD_CONN_ATTR_SINCE, jiffies64_to_msecs(age)))
		return -EMSGSIZE;
	nla_nest_end(skb, item);
	return 0;
}

static int nbd_put_conns(struct sk_buff *skb, const struct nbd_dev *dev)
{
	struct nlattr *list = nla_nest_start(skb, NBD_ATTR_CONNECTIONS);
	unsigned int i;

	if (!list)
		return -EMSGSIZE;
	for (i = 0; i < dev->nr_conns; i++)
		if (nbd_put_conn(skb, dev->conns[i]))
			return -EMSGSIZE;
	nla_nest_end(skb, list);
	return 0;
}

/* What was asked for, and what was made of it. */
static int nbd_put_params(struct sk_buff *skb, const struct nbd_dev *dev)
{
	const struct nbd_params *p = &dev->params;

	if (nbd_put_u64(skb, NBD_ATTR_SIZE_BYTES, p->size) ||
	    nbd_put_u64(skb, NBD_ATTR_BLOCK_SIZE_BYTES, p->block_size) ||
	    nbd_put_u64(skb, NBD_ATTR_TIMEOUT, p->timeout) ||
	    nbd_put_u64(skb, NBD_ATTR_DEAD_CONN_TIMEOUT, p->dead_timeout) ||
	    nbd_put_u64(skb, NBD_ATTR_SERVER_FLAGS, p->server_flags) ||
	    nbd_put_u64(skb, NBD_ATTR_CLIENT_FLAGS, p->client_flags) ||
	    nla_put_u32(skb, NBD_ATTR_ATTACH_FLAGS, p->attach_flags) ||
	    nla_put_u32(skb, NBD_ATTR_QUEUE_DEPTH, p->depth) ||
	    nla_put_u32(skb, NBD_ATTR_BLOCK_PREFERRED, p->preferred) ||
	    nla_put_u32(skb, NBD_ATTR_PAYLOAD_MAX, p->payload_max) ||
	    nla_put_u32(skb, NBD_ATTR_FENCE, p->fence) ||
	    nla_put_u32(skb, NBD_ATTR_ZEROES, p->zeroes) ||
	    nla_put_u32(skb, NBD_ATTR_PID, p->pid) ||
	    nla_put_u32(skb, NBD_ATTR_SERIAL, dev->serial))
		return -EMSGSIZE;
	if (p->backend &&
	    nla_put_string(skb, NBD_ATTR_BACKEND_IDENTIFIER, p->backend))
		return -EMSGSIZE;
	if (p->moved_to && *p->moved_to &&
	    nla_put_string(skb, NBD_ATTR_MOVED_TO, p->moved_to))
		return -EMSGSIZE;
	return nbd_put_conns(skb, dev);
}

static int nbd_put_disk(struct sk_buff *skb, const struct nbd_dev *dev)
{
	u32 soft = dev->disk->queue->limits.max_sectors << SECTOR_SHIFT;

	if (nla_put_u32(skb, NBD_ATTR_MAX_REQUEST, soft) ||
	    nla_put_u32(skb, NBD_ATTR_READ_AHEAD,
			dev->disk->bdi->ra_pages << PAGE_SHIFT) ||
	    nla_put_u32(skb, NBD_ATTR_HW_QUEUES, dev->set->nr_hw_queues) ||
	    nla_put_u32(skb, NBD_ATTR_TAGS, nbd_disk_tags(dev)))
		return -EMSGSIZE;
	return 0;
}

static int nbd_put_dev(struct sk_buff *skb, struct nbd_dev *dev)
{
	if (nla_put_u32(skb, NBD_ATTR_INDEX, dev->index) ||
	    nla_put_u32(skb, NBD_ATTR_STATE, nbd_dev_state(dev)) ||
	    nla_put_u32(skb, NBD_ATTR_OPENERS, READ_ONCE(dev->openers)) ||
	    nla_put_u32(skb, NBD_ATTR_PARKED, READ_ONCE(dev->queue.waiting)) ||
	    nla_put_u32(skb, NBD_ATTR_LOSSES,
			atomic_read(&dev->queue.loss.count)))
		return -EMSGSIZE;
	if (dev->disk && nbd_put_disk(skb, dev))
		return -EMSGSIZE;
	return dev->nr_conns ? nbd_put_params(skb, dev) : 0;
}

/* Bytes that a message about the device takes at most. */
static size_t nbd_get_size(struct nbd_dev *dev)
{
	size_t size = SZ_1K;

	mutex_lock(&dev->info_lock);
	if (dev->params.backend)
		size += nla_total_size(strlen(dev->params.backend) + 1);
	if (dev->params.moved_to)
		size += nla_total_size(strlen(dev->params.moved_to) + 1);
	size += dev->nr_conns * (SZ_256 + NBD_SOCK_PEER_LEN);
	mutex_unlock(&dev->info_lock);
	return size;
}

static int nbd_fill_get(struct sk_buff *skb, struct nbd_dev *dev, u32 portid,
			u32 seq, int flags)
{
	void *head = genlmsg_put(skb, portid, seq, &nbd_genl_family, flags,
				 NBD_CMD_GET);
	int ret;

	if (!head)
		return -EMSGSIZE;
	mutex_lock(&dev->info_lock);
	ret = nbd_put_dev(skb, dev);
	mutex_unlock(&dev->info_lock);
	if (ret) {
		genlmsg_cancel(skb, head);
		return ret;
	}
	genlmsg_end(skb, head);
	return 0;
}

static int nbd_get_one(struct genl_info *info, struct nbd_dev *dev)
{
	struct sk_buff *reply = genlmsg_new(nbd_get_size(dev), GFP_KERNEL);
	int ret;

	if (!reply)
		return -ENOMEM;
	ret = nbd_fill_get(reply, dev, info->snd_portid, info->snd_seq, 0);
	if (ret) {
		nlmsg_free(reply);
		return ret;
	}
	return genlmsg_reply(reply, info);
}

/**
 * nbd_genl_dev() - the device that a command names
 * @info: its attributes
 *
 * Context: process, sleeps.
 * Return: the device, of which the caller gets a reference for nbd_dev_put();
 * ERR_PTR(-EINVAL) without NBD_ATTR_INDEX, ERR_PTR(-ENODEV) when there is none, with
 * extack set.
 */
struct nbd_dev *nbd_genl_dev(struct genl_info *info)
{
	struct nbd_dev *dev;

	if (!info->attrs[NBD_ATTR_INDEX]) {
		GENL_SET_ERR_MSG(info, "the device index is missing");
		return ERR_PTR(-EINVAL);
	}
	dev = nbd_dev_get((int)nla_get_u32(info->attrs[NBD_ATTR_INDEX]));
	if (!dev) {
		GENL_SET_ERR_MSG(info, "no such device");
		return ERR_PTR(-ENODEV);
	}
	return dev;
}

/**
 * nbd_genl_get() - everything about one device (NBD_CMD_GET, do)
 * @skb: the message
 * @info: its attributes; NBD_ATTR_INDEX says which device
 *
 * Context: process, sleeps.
 * Return: 0; -EINVAL without an index; -ENODEV when there is no such device;
 * -EMSGSIZE when it was attached meanwhile, ask again; -ENOMEM.
 */
int nbd_genl_get(struct sk_buff *skb, struct genl_info *info)
{
	struct nbd_dev *dev = nbd_genl_dev(info);
	int ret;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	ret = nbd_get_one(info, dev);
	nbd_dev_put(dev);
	return ret;
}

/**
 * nbd_genl_get_start() - before a dump: room for the largest device
 * @cb: the dump
 *
 * Context: process, sleeps.
 * Return: 0.
 */
int nbd_genl_get_start(struct netlink_callback *cb)
{
	struct nbd_dev *dev;
	size_t size = 0;
	int index;

	for (index = 0; (dev = nbd_dev_next(&index)); index++) {
		size = max(size, nbd_get_size(dev));
		nbd_dev_put(dev);
	}
	cb->min_dump_alloc = max_t(size_t, size + SZ_256, NLMSG_GOODSIZE);
	return 0;
}

/**
 * nbd_genl_get_dump() - everything about all devices (NBD_CMD_GET, dump)
 * @skb: the message to fill
 * @cb: the dump; args[0] is the number of the next device
 *
 * Context: process, sleeps.
 * Return: bytes filled in, 0 at the end, or -EMSGSIZE when a single device does
 * not fit.
 */
int nbd_genl_get_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	int index = cb->args[0];
	struct nbd_dev *dev;
	int ret = 0;

	for (; (dev = nbd_dev_next(&index)); index++) {
		ret = nbd_fill_get(skb, dev, NETLINK_CB(cb->skb).portid,
				   cb->nlh->nlmsg_seq, NLM_F_MULTI);
		nbd_dev_put(dev);
		if (ret)
			break;
	}
	cb->args[0] = index;
	return ret && !skb->len ? ret : skb->len;
}
