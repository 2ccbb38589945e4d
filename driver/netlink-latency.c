// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command that shows how long requests took.
 */
#include "netlink.h"

/* Histograms as user space gets them. */
struct nbd_latency_sum {
	u64 count[NBD_LATENCY_KINDS][NBD_LATENCY_BUCKETS];
};

/* Room for all attributes of a reply. */
#define NBD_LATENCY_REPLY	(sizeof(struct nbd_latency_sum) + SZ_256)

static void nbd_add_latency(struct nbd_latency_sum *sum,
			    const struct nbd_conn *conn)
{
	unsigned int kind, i;

	for (kind = 0; kind < NBD_LATENCY_KINDS; kind++)
		for (i = 0; i < NBD_LATENCY_BUCKETS; i++)
			sum->count[kind][i] +=
				atomic64_read(&conn->times.count[kind][i]);
}

/* Of one connection, or of all if @index is NULL. */
static int nbd_latency_of(struct nbd_dev *dev, const struct nlattr *index,
			  struct nbd_latency_sum *sum)
{
	unsigned int i, first = index ? nla_get_u32(index) : 0;
	unsigned int end = index ? first + 1 : dev->nr_conns;

	if (first >= dev->nr_conns)
		return -ENOENT;
	for (i = first; i < end; i++)
		nbd_add_latency(sum, dev->conns[i]);
	return 0;
}

static int nbd_put_latency(struct sk_buff *skb,
			   const struct nbd_latency_sum *sum)
{
	unsigned int kind, n;

	for (kind = 0; kind < NBD_LATENCY_KINDS; kind++) {
		const u64 *count = sum->count[kind];

		/* Those behind the last one that is not zero say nothing. */
		for (n = NBD_LATENCY_BUCKETS; n && !count[n - 1]; n--)
			;
		if (nla_put(skb, NBD_ATTR_LATENCY_READ + kind,
			    n * sizeof(*count), count))
			return -EMSGSIZE;
	}
	return 0;
}

static int nbd_latency_reply(struct genl_info *info, struct nbd_dev *dev,
			     const struct nbd_latency_sum *sum)
{
	struct sk_buff *reply = genlmsg_new(NBD_LATENCY_REPLY, GFP_KERNEL);
	void *head;

	if (!reply)
		return -ENOMEM;
	head = genlmsg_put_reply(reply, info, &nbd_genl_family, 0,
				 NBD_CMD_GET_LATENCY);
	if (!head || nla_put_u32(reply, NBD_ATTR_INDEX, dev->index) ||
	    nbd_put_latency(reply, sum)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, head);
	return genlmsg_reply(reply, info);
}

static int nbd_show_latency(struct genl_info *info, struct nbd_dev *dev)
{
	struct nbd_latency_sum *sum = kzalloc(sizeof(*sum), GFP_KERNEL);
	int ret;

	if (!sum)
		return -ENOMEM;
	mutex_lock(&dev->info_lock);
	ret = nbd_latency_of(dev, info->attrs[NBD_ATTR_CONNECTION], sum);
	mutex_unlock(&dev->info_lock);
	if (ret)
		GENL_SET_ERR_MSG(info, "no such connection");
	else
		ret = nbd_latency_reply(info, dev, sum);
	kfree(sum);
	return ret;
}

/**
 * nbd_genl_get_latency() - how long requests took (NBD_CMD_GET_LATENCY)
 * @skb: the message
 * @info: its attributes; NBD_ATTR_INDEX says which device, NBD_ATTR_CONNECTION which
 *	of its connections; without that all are added up
 *
 * Context: process, sleeps.
 * Return: 0; -EINVAL without an index; -ENODEV when there is no such device; -ENOENT
 * when it has no such connection, or none at all; -ENOMEM.
 */
int nbd_genl_get_latency(struct sk_buff *skb, struct genl_info *info)
{
	struct nbd_dev *dev = nbd_genl_dev(info);
	int ret;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	ret = nbd_show_latency(info, dev);
	nbd_dev_put(dev);
	return ret;
}
