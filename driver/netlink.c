// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands that change something: CONNECT, DISCONNECT, RECONFIGURE, and
 * the LINK_DEAD event.
 */
#include <linux/capability.h>

#include "link.h"
#include "netlink.h"

#define NBD_ATTACH_FLAGS	(NBD_ATTACH_NO_PARTSCAN | \
				 NBD_ATTACH_FORCE_MULTI_CONN | \
				 NBD_ATTACH_LOSS_FAILS | NBD_ATTACH_PERSIST | \
				 NBD_ATTACH_NO_OPTGO)
#define NBD_DETACH_FLAGS	(NBD_DETACH_UNUSED | NBD_DETACH_DEAD)
#define NBD_CHANGE_FLAGS	(NBD_CHANGE_REPLACE | NBD_CHANGE_SHRINK)

static const struct nla_policy nbd_policy[NBD_ATTR_MAX + 1] = {
	[NBD_ATTR_INDEX]		= { .type = NLA_U32 },
	[NBD_ATTR_SIZE_BYTES]		= { .type = NLA_U64 },
	[NBD_ATTR_BLOCK_SIZE_BYTES]	= { .type = NLA_U64 },
	[NBD_ATTR_TIMEOUT]		= { .type = NLA_U64 },
	[NBD_ATTR_SERVER_FLAGS]		= { .type = NLA_U64 },
	[NBD_ATTR_CLIENT_FLAGS]		= { .type = NLA_U64 },
	[NBD_ATTR_SOCKETS]		= { .type = NLA_NESTED },
	[NBD_ATTR_DEAD_CONN_TIMEOUT]	= { .type = NLA_U64 },
	[NBD_ATTR_DEVICE_LIST]		= { .type = NLA_NESTED },
	[NBD_ATTR_BACKEND_IDENTIFIER]	= { .type = NLA_STRING },
	[NBD_ATTR_QUEUE_DEPTH]		= NLA_POLICY_RANGE(NLA_U32, 1,
							   NBD_MAX_TAGS),
	[NBD_ATTR_BLOCK_PREFERRED]	= { .type = NLA_U32 },
	[NBD_ATTR_PAYLOAD_MAX]		= { .type = NLA_U32 },
	[NBD_ATTR_MAX_REQUEST]		= { .type = NLA_U32 },
	[NBD_ATTR_READ_AHEAD]		= { .type = NLA_U32 },
	[NBD_ATTR_FENCE]		= { .type = NLA_U32 },
	[NBD_ATTR_ATTACH_FLAGS]		= NLA_POLICY_MASK(NLA_U32,
							  NBD_ATTACH_FLAGS),
	[NBD_ATTR_ZEROES]		= NLA_POLICY_MAX(NLA_U32,
							 NBD_ZEROES_OFF),
	[NBD_ATTR_CHANGE_FLAGS]		= NLA_POLICY_MASK(NLA_U32,
							  NBD_CHANGE_FLAGS),
	[NBD_ATTR_DETACH_FLAGS]		= NLA_POLICY_MASK(NLA_U32,
							  NBD_DETACH_FLAGS),
	[NBD_ATTR_CONNECTION]		= { .type = NLA_U32 },
	[NBD_ATTR_MOVED_TO]		= { .type = NLA_STRING },
	[NBD_ATTR_SERIAL]		= NLA_POLICY_MIN(NLA_U32, 1),
};

static const struct nla_policy nbd_sock_policy[NBD_SOCK_MAX + 1] = {
	[NBD_SOCK_FD]	= { .type = NLA_U32 },
};

/* --- parsing --------------------------------------------------------- */

static u32 nbd_get_u32(struct genl_info *info, int attr, u32 otherwise)
{
	return info->attrs[attr] ? nla_get_u32(info->attrs[attr]) : otherwise;
}

static u64 nbd_get_u64(struct genl_info *info, int attr, u64 otherwise)
{
	return info->attrs[attr] ? nla_get_u64(info->attrs[attr]) : otherwise;
}

/* -1 when there is no index and @optional, or a negative errno below that. */
static int nbd_parse_index(struct genl_info *info, bool optional, int *index)
{
	u32 value;

	*index = -1;
	if (!info->attrs[NBD_ATTR_INDEX]) {
		if (optional)
			return 0;
		GENL_SET_ERR_MSG(info, "the device index is missing");
		return -EINVAL;
	}
	value = nla_get_u32(info->attrs[NBD_ATTR_INDEX]);
	if (value > nbd_disk_max_index()) {
		GENL_SET_ERR_MSG(info, "the device index is too large");
		return -EINVAL;
	}
	*index = value;
	return 0;
}

static int nbd_parse_sockets(struct genl_info *info, int *fds,
			     unsigned int *count)
{
	struct nlattr *item, *sock[NBD_SOCK_MAX + 1];
	int left, ret;

	*count = 0;
	if (!info->attrs[NBD_ATTR_SOCKETS])
		return 0;
	nla_for_each_nested(item, info->attrs[NBD_ATTR_SOCKETS], left) {
		if (nla_type(item) != NBD_SOCK_ITEM) {
			GENL_SET_ERR_MSG(info, "a socket list holds socket items only");
			return -EINVAL;
		}
		ret = nla_parse_nested_deprecated(sock, NBD_SOCK_MAX, item,
						  nbd_sock_policy,
						  info->extack);
		if (ret)
			return ret;
		if (!sock[NBD_SOCK_FD])
			continue;
		if (*count == NBD_MAX_CONNECTIONS) {
			GENL_SET_ERR_MSG(info, "more than 256 connections");
			return -E2BIG;
		}
		fds[(*count)++] = nla_get_u32(sock[NBD_SOCK_FD]);
	}
	return 0;
}

static int nbd_check_seconds(struct genl_info *info, u64 timeout,
			     u64 dead_timeout)
{
	if (timeout <= NBD_MAX_SECONDS && dead_timeout <= NBD_MAX_SECONDS)
		return 0;
	GENL_SET_ERR_MSG(info, "a timeout is too large");
	return -ERANGE;
}

static int nbd_parse_params(struct genl_info *info, struct nbd_params *p)
{
	u64 block = nbd_get_u64(info, NBD_ATTR_BLOCK_SIZE_BYTES, 0);

	if (block > U32_MAX) {
		GENL_SET_ERR_MSG(info, "the block size is too large");
		return -EINVAL;
	}
	p->block_size = block ?: NBD_DEFAULT_BLOCK;
	p->size = nbd_get_u64(info, NBD_ATTR_SIZE_BYTES, 0);
	p->preferred = nbd_get_u32(info, NBD_ATTR_BLOCK_PREFERRED,
				   p->block_size);
	p->payload_max = nbd_get_u32(info, NBD_ATTR_PAYLOAD_MAX,
				     NBD_DEFAULT_PAYLOAD_MAX);
	p->server_flags = nbd_get_u64(info, NBD_ATTR_SERVER_FLAGS, 0);
	p->client_flags = nbd_get_u64(info, NBD_ATTR_CLIENT_FLAGS, 0);
	p->attach_flags = nbd_get_u32(info, NBD_ATTR_ATTACH_FLAGS, 0);
	p->timeout = nbd_get_u64(info, NBD_ATTR_TIMEOUT, 0);
	p->dead_timeout = nbd_get_u64(info, NBD_ATTR_DEAD_CONN_TIMEOUT, 0);
	p->fence = nbd_get_u32(info, NBD_ATTR_FENCE, NBD_DEFAULT_FENCE_MS);
	p->depth = nbd_get_u32(info, NBD_ATTR_QUEUE_DEPTH, NBD_DEFAULT_DEPTH);
	p->max_request = nbd_get_u32(info, NBD_ATTR_MAX_REQUEST, 0);
	p->read_ahead = nbd_get_u32(info, NBD_ATTR_READ_AHEAD, 0);
	p->zeroes = nbd_get_u32(info, NBD_ATTR_ZEROES, NBD_ZEROES_AUTO);
	p->pid = task_pid_nr(current);
	return nbd_check_seconds(info, p->timeout, p->dead_timeout);
}

static int nbd_parse_connect(struct genl_info *info, struct nbd_connect *req)
{
	const u64 shareable = NBD_FLAG_CAN_MULTI_CONN | NBD_FLAG_READ_ONLY;
	int ret;

	ret = nbd_parse_index(info, true, &req->index);
	if (!ret && !info->attrs[NBD_ATTR_SIZE_BYTES]) {
		GENL_SET_ERR_MSG(info, "the size is missing");
		ret = -EINVAL;
	}
	if (!ret)
		ret = nbd_parse_sockets(info, req->fds, &req->nr_fds);
	if (!ret && !req->nr_fds) {
		GENL_SET_ERR_MSG(info, "at least one socket is needed");
		ret = -EINVAL;
	}
	if (!ret)
		ret = nbd_parse_params(info, &req->params);
	if (!ret && req->nr_fds > 1 &&
	    !(req->params.server_flags & shareable) &&
	    !(req->params.attach_flags & NBD_ATTACH_FORCE_MULTI_CONN)) {
		GENL_SET_ERR_MSG(info, "the server does not allow several connections");
		ret = -EINVAL;
	}
	return ret;
}

/* --- commands -------------------------------------------------------- */

/* A program that does not know this driver gets what it knows, the index alone. */
static void nbd_connect_reply(struct genl_info *info, int index, u32 serial)
{
	bool knows = info->attrs[NBD_ATTR_ATTACH_FLAGS];
	struct sk_buff *skb;
	void *head;

	skb = genlmsg_new(2 * nla_total_size(sizeof(u32)), GFP_KERNEL);
	if (!skb)
		return;
	head = genlmsg_put_reply(skb, info, &nbd_genl_family, 0,
				 NBD_CMD_CONNECT);
	if (!head || nla_put_u32(skb, NBD_ATTR_INDEX, index) ||
	    (knows && nla_put_u32(skb, NBD_ATTR_SERIAL, serial))) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, head);
	genlmsg_reply(skb, info);
}

static int nbd_genl_connect(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *backend = info->attrs[NBD_ATTR_BACKEND_IDENTIFIER];
	struct nbd_connect *req;
	int ret;

	if (!netlink_capable(skb, CAP_SYS_ADMIN))
		return -EPERM;

	req = kzalloc(sizeof(*req), GFP_KERNEL);
	if (!req)
		return -ENOMEM;
	ret = nbd_parse_connect(info, req);
	if (ret)
		goto out;
	if (backend) {
		req->params.backend = nla_strdup(backend, GFP_KERNEL);
		ret = -ENOMEM;
		if (!req->params.backend)
			goto out;
	}
	ret = nbd_connect(req, info->extack);
	if (ret >= 0) {
		nbd_connect_reply(info, ret, req->serial);
		ret = 0;
	}
out:
	kfree(req->params.backend);
	kfree(req);
	return ret;
}

static int nbd_genl_disconnect(struct sk_buff *skb, struct genl_info *info)
{
	int index, ret;

	if (!netlink_capable(skb, CAP_SYS_ADMIN))
		return -EPERM;

	ret = nbd_parse_index(info, false, &index);
	if (ret)
		return ret;
	return nbd_disconnect(index, nbd_get_u32(info, NBD_ATTR_SERIAL, 0),
			      nbd_get_u32(info, NBD_ATTR_DETACH_FLAGS, 0),
			      info->extack);
}

/* Point @where at @value if the attribute is there. */
static void nbd_optional_u64(struct genl_info *info, int attr, u64 *value,
			     const u64 **where)
{
	if (!info->attrs[attr])
		return;
	*value = nla_get_u64(info->attrs[attr]);
	*where = value;
}

static int nbd_do_reconfigure(struct genl_info *info,
			      struct nbd_reconfigure *req)
{
	u64 size, block, server, client, timeout = 0, dead = 0;
	int ret;

	ret = nbd_parse_index(info, false, &req->index);
	if (!ret)
		ret = nbd_parse_sockets(info, req->fds, &req->nr_fds);
	if (ret)
		return ret;

	req->serial = nbd_get_u32(info, NBD_ATTR_SERIAL, 0);
	req->change_flags = nbd_get_u32(info, NBD_ATTR_CHANGE_FLAGS, 0);
	nbd_optional_u64(info, NBD_ATTR_SIZE_BYTES, &size, &req->size);
	nbd_optional_u64(info, NBD_ATTR_BLOCK_SIZE_BYTES, &block,
			 &req->block_size);
	nbd_optional_u64(info, NBD_ATTR_SERVER_FLAGS, &server,
			 &req->server_flags);
	nbd_optional_u64(info, NBD_ATTR_CLIENT_FLAGS, &client,
			 &req->client_flags);
	nbd_optional_u64(info, NBD_ATTR_TIMEOUT, &timeout, &req->timeout);
	nbd_optional_u64(info, NBD_ATTR_DEAD_CONN_TIMEOUT, &dead,
			 &req->dead_timeout);
	ret = nbd_check_seconds(info, timeout, dead);
	return ret ?: nbd_reconfigure(req, info->extack);
}

static int nbd_genl_reconfigure(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *backend = info->attrs[NBD_ATTR_BACKEND_IDENTIFIER];
	struct nlattr *moved_to = info->attrs[NBD_ATTR_MOVED_TO];
	struct nbd_reconfigure *req;
	char *name = NULL;
	int ret = -ENOMEM;

	if (!netlink_capable(skb, CAP_SYS_ADMIN))
		return -EPERM;

	req = kzalloc(sizeof(*req), GFP_KERNEL);
	if (!req)
		return -ENOMEM;
	if (backend) {
		name = nla_strdup(backend, GFP_KERNEL);
		if (!name)
			goto out;
		req->backend = name;
	}
	if (moved_to) {
		req->moved_to = nla_strdup(moved_to, GFP_KERNEL);
		if (!req->moved_to)
			goto out;
	}
	ret = nbd_do_reconfigure(info, req);
out:
	kfree(req->moved_to);
	kfree(name);
	kfree(req);
	return ret;
}

/* --- events ---------------------------------------------------------- */

/*
 * nbd_link_dead: in failure work, hence GFP_NOIO. Not from the reserves, which that work
 * may use: what comes from there no socket of netlink takes, and none is told.
 */
static void nbd_send_link_dead(struct nbd_dev *dev)
{
	struct sk_buff *skb;
	void *head;

	skb = genlmsg_new(nla_total_size(sizeof(u32)),
			  GFP_NOIO | __GFP_NOMEMALLOC | __GFP_NOWARN);
	if (!skb) {
		/* Who listens learns that there was something, and looks. */
		genl_set_err(&nbd_genl_family, &init_net, 0, 0, -ENOBUFS);
		return;
	}
	head = genlmsg_put(skb, 0, 0, &nbd_genl_family, 0, NBD_CMD_LINK_DEAD);
	if (!head || nla_put_u32(skb, NBD_ATTR_INDEX, dev->index)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, head);
	genlmsg_multicast(&nbd_genl_family, skb, 0, 0, GFP_NOIO);
}

/* --- family ---------------------------------------------------------- */

#define NBD_LIBERAL	(GENL_DONT_VALIDATE_STRICT | GENL_DONT_VALIDATE_DUMP)

static const struct genl_small_ops nbd_genl_small_ops[] = {
	{
		.cmd		= NBD_CMD_CONNECT,
		.validate	= NBD_LIBERAL,
		.doit		= nbd_genl_connect,
	},
	{
		.cmd		= NBD_CMD_DISCONNECT,
		.validate	= NBD_LIBERAL,
		.doit		= nbd_genl_disconnect,
	},
	{
		.cmd		= NBD_CMD_RECONFIGURE,
		.validate	= NBD_LIBERAL,
		.doit		= nbd_genl_reconfigure,
	},
	{
		.cmd		= NBD_CMD_STATUS,
		.validate	= NBD_LIBERAL,
		.doit		= nbd_genl_status,
	},
};

static const struct genl_ops nbd_genl_ops[] = {
	{
		.cmd	= NBD_CMD_GET,
		.doit	= nbd_genl_get,
		.start	= nbd_genl_get_start,
		.dumpit	= nbd_genl_get_dump,
	},
	{
		.cmd	= NBD_CMD_GET_LATENCY,
		.doit	= nbd_genl_get_latency,
	},
};

static const struct genl_multicast_group nbd_mcgrps[] = {
	{ .name = NBD_GENL_MCAST_GROUP_NAME, },
};

/* Locks per device: one that takes long must not hold up the others. */
struct genl_family nbd_genl_family __ro_after_init = {
	.name		= NBD_GENL_FAMILY_NAME,
	.version	= NBD_GENL_VERSION,
	.maxattr	= NBD_ATTR_MAX,
	.policy		= nbd_policy,
	.module		= THIS_MODULE,
	.netnsok	= true,
	.parallel_ops	= true,
	.small_ops	= nbd_genl_small_ops,
	.n_small_ops	= ARRAY_SIZE(nbd_genl_small_ops),
	.ops		= nbd_genl_ops,
	.n_ops		= ARRAY_SIZE(nbd_genl_ops),
	.resv_start_op	= NBD_CMD_STATUS + 1,
	.mcgrps		= nbd_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(nbd_mcgrps),
};

/**
 * nbd_netlink_setup() - register the family
 *
 * Context: module init, once devices can be configured.
 * Return: 0 or a negative errno.
 */
int nbd_netlink_setup(void)
{
	nbd_link_dead = nbd_send_link_dead;
	return genl_register_family(&nbd_genl_family);
}

/**
 * nbd_netlink_exit() - the end of nbd_netlink_setup()
 *
 * After the return no command is running and none will.
 *
 * Context: module exit.
 */
void nbd_netlink_exit(void)
{
	genl_unregister_family(&nbd_genl_family);
}
