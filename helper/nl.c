// SPDX-License-Identifier: GPL-2.0-or-later
/* Talking to the family: finding it, sending commands, hearing answers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/nbd-netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "module.h"
#include "nl.h"

/*
 * An answer about 256 connections takes 128 KiB of the kernel's memory, and one that
 * ends it follows. The library would have 64 KiB; the kernel doubles what it is told.
 */
#define RECEIVE_BUFFER	(256 << 10)

/* What the callbacks of one exchange fill. */
struct exchange {
	struct nl_answer *answer;
	struct nl_devices *devices;	/* replies are devices; may be NULL */
	struct nl_latency *latency;	/* the reply is histograms; or NULL */
	bool replied;			/* more than an ack came */
	struct nl *family;		/* the reply is the family; or NULL */
	bool done;
};

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct exchange *x = arg;

	(void)msg;
	x->done = true;
	return NL_STOP;
}

/* The text that the kernel may add to an error. */
static void read_ext_ack(const struct nlmsghdr *hdr,
			 const struct nlmsgerr *error, struct nl_answer *a)
{
	size_t skip = sizeof(*error), total = hdr->nlmsg_len - NLMSG_HDRLEN;
	struct nlattr *msg;

	if (!(hdr->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(hdr->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(error->msg.nlmsg_len) - NLMSG_HDRLEN;
	if (skip >= total)
		return;
	msg = nla_find((const struct nlattr *)((const char *)error + skip),
		       (int)(total - skip), NLMSGERR_ATTR_MSG);
	if (msg)
		nla_strlcpy(a->text, msg, sizeof(a->text));
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error,
		    void *arg)
{
	const struct nlmsghdr *hdr;
	struct exchange *x = arg;

	(void)from;
	hdr = (const struct nlmsghdr *)((char *)error - NLMSG_HDRLEN);
	x->answer->error = error->error < 0 ? -error->error : EPROTO;
	read_ext_ack(hdr, error, x->answer);
	x->done = true;
	return NL_STOP;
}

static bool has_command(struct nlattr *ops, u32 id)
{
	struct nlattr *op, *field;
	int left, rest;

	nla_for_each_nested(op, ops, left)
		nla_for_each_nested(field, op, rest)
			if (nla_type(field) == CTRL_ATTR_OP_ID &&
			    nla_len(field) >= 4 && nla_get_u32(field) == id)
				return true;
	return false;
}

static u32 find_group(struct nlattr *groups, const char *name)
{
	struct nlattr *group, *tb[CTRL_ATTR_MCAST_GRP_MAX + 1];
	int left;

	nla_for_each_nested(group, groups, left)
		if (!nla_parse_nested(tb, CTRL_ATTR_MCAST_GRP_MAX, group,
				      NULL) &&
		    tb[CTRL_ATTR_MCAST_GRP_NAME] &&
		    tb[CTRL_ATTR_MCAST_GRP_ID] &&
		    !nla_strcmp(tb[CTRL_ATTR_MCAST_GRP_NAME], name))
			return nla_get_u32(tb[CTRL_ATTR_MCAST_GRP_ID]);
	return 0;
}

static int on_family(struct nl_msg *msg, struct exchange *x)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct nlattr *tb[CTRL_ATTR_MAX + 1];

	if (genlmsg_parse(hdr, 0, tb, CTRL_ATTR_MAX, NULL) < 0 ||
	    !tb[CTRL_ATTR_FAMILY_ID] || !tb[CTRL_ATTR_FAMILY_NAME] ||
	    nla_strcmp(tb[CTRL_ATTR_FAMILY_NAME], NBD_GENL_FAMILY_NAME))
		return NL_SKIP;
	x->family->id = nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
	x->family->family = NL_FAMILY_STOCK;
	if (tb[CTRL_ATTR_OPS] && has_command(tb[CTRL_ATTR_OPS], NBD_CMD_GET))
		x->family->family = NL_FAMILY_OURS;
	if (tb[CTRL_ATTR_MCAST_GROUPS])
		x->family->group = find_group(tb[CTRL_ATTR_MCAST_GROUPS],
					      NBD_GENL_MCAST_GROUP_NAME);
	return NL_OK;
}

static int on_reply(struct nl_msg *msg, void *arg)
{
	struct exchange *x = arg;
	struct nlattr *index, *serial;

	x->replied = true;
	if (x->family)
		return on_family(msg, x);
	if (x->devices) {
		if (nl_parse_device(x->devices, msg))
			x->answer->error = ENOMEM;
		return NL_OK;
	}
	if (x->latency) {
		nl_parse_latency(x->latency, msg);
		return NL_OK;
	}
	index = nlmsg_find_attr(nlmsg_hdr(msg), GENL_HDRLEN, NBD_ATTR_INDEX);
	if (index && nla_len(index) >= 4) {
		x->answer->has_index = true;
		x->answer->index = nla_get_u32(index);
	}
	serial = nlmsg_find_attr(nlmsg_hdr(msg), GENL_HDRLEN, NBD_ATTR_SERIAL);
	if (serial && nla_len(serial) >= 4)
		x->answer->serial = nla_get_u32(serial);
	return NL_OK;
}

/* Send @msg, which is freed, and hear all that is answered. */
static void exchange(struct nl *nl, struct nl_msg *msg, struct exchange *x)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_CUSTOM);
	int ret = -NLE_NOMEM;

	memset(x->answer, 0, sizeof(*x->answer));
	if (cb && msg) {
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_reply, x);
		nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, x);
		nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_ack, x);
		nl_cb_err(cb, NL_CB_CUSTOM, on_error, x);
		ret = nl_send_auto(nl->sock, msg);
		x->answer->unknown = ret >= 0;
		while (ret >= 0 && !x->done)
			ret = nl_recvmsgs(nl->sock, cb);
	}
	x->answer->unknown &= !x->done;
	if (ret < 0 && !x->done) {
		x->answer->error = ret == -NLE_NOMEM ? ENOMEM : EIO;
		snprintf(x->answer->text, sizeof(x->answer->text),
			 x->answer->unknown ? "netlink: the answer was lost: %s" :
			 "netlink: %s", nl_geterror(ret));
	}
	if (cb)
		nl_cb_put(cb);
	nlmsg_free(msg);
}

static struct nl_msg *new_message(int family, int flags, uint8_t command)
{
	struct nl_msg *msg = nlmsg_alloc_size(65536);

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0,
				flags, command, NBD_GENL_VERSION)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* By its name, for which the kernel loads the module, or among all that are there. */
static int look_up_family(struct nl *nl, bool by_name, struct err *err)
{
	struct nl_answer answer;
	struct exchange x = { .answer = &answer, .family = nl };
	struct nl_msg *msg;

	nl->family = NL_FAMILY_ABSENT;
	nl->id = 0;
	nl->group = 0;
	msg = new_message(GENL_ID_CTRL, by_name ? NLM_F_ACK : NLM_F_DUMP,
			  CTRL_CMD_GETFAMILY);
	if (msg && by_name)
		nla_put_string(msg, CTRL_ATTR_FAMILY_NAME,
			       NBD_GENL_FAMILY_NAME);
	exchange(nl, msg, &x);
	/* ENOENT: it has been asked for by its name, and is not there. */
	if (!answer.error || answer.error == ENOENT)
		return 0;
	return nl_error(&answer, "cannot look for the driver", err);
}

static int open_socket(struct nl *nl, struct err *err)
{
	int on = 1;

	memset(nl, 0, sizeof(*nl));
	nl->sock = nl_socket_alloc();
	if (!nl->sock)
		return err_set(err, ST_FAILED, "out of memory");
	if (genl_connect(nl->sock) < 0)
		return err_set(err, ST_FAILED,
			       "cannot open a netlink socket: %s",
			       strerror(errno));
	setsockopt(nl_socket_get_fd(nl->sock), SOL_NETLINK, NETLINK_EXT_ACK,
		   &on, sizeof(on));
	nl_socket_set_buffer_size(nl->sock, RECEIVE_BUFFER, 0);
	nl_socket_enable_msg_peek(nl->sock);
	return 0;
}

/**
 * nl_open - open a netlink socket and look for the family
 * @nl: result; nl_done() it, also after a failure
 * @err: filled on failure
 *
 * That there is no family is no failure.
 *
 * Return: 0, or -1 with @err set.
 */
int nl_open(struct nl *nl, struct err *err)
{
	/* The look-up may have the kernel load it. */
	bool absent = access("/sys/module/nbd", F_OK);

	if (open_socket(nl, err))
		return -1;
	nl->was_absent = absent;
	return look_up_family(nl, true, err);
}

/**
 * nl_open_quietly - as nl_open(), but the kernel does not try to load the module
 * @nl: result; nl_done() it, also after a failure
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int nl_open_quietly(struct nl *nl, struct err *err)
{
	if (open_socket(nl, err))
		return -1;
	return look_up_family(nl, false, err);
}

/**
 * nl_open_again - open another netlink socket without looking for the family
 * @nl: result; nl_done() it, also after a failure
 * @known: where it was found; its socket is not used
 * @err: filled on failure
 *
 * If the family is gone, the answer to everything is ENOENT.
 *
 * Return: 0, or -1 with @err set.
 */
int nl_open_again(struct nl *nl, const struct nl *known, struct err *err)
{
	if (open_socket(nl, err))
		return -1;
	nl->id = known->id;
	nl->group = known->group;
	nl->family = known->family;
	return 0;
}

/**
 * nl_need - make sure that this project's driver is there
 * @nl: the socket
 * @load: load the module if it is missing
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int nl_need(struct nl *nl, bool load, struct err *err)
{
	if (nl->family == NL_FAMILY_ABSENT && load) {
		if (module_load(err) || look_up_family(nl, true, err))
			return -1;
	}
	switch (nl->family) {
	case NL_FAMILY_OURS:
		return 0;
	case NL_FAMILY_STOCK:
		return module_is_stock(err);
	default:
		return err_set(err, ST_NO_MODULE, "module nbd is not loaded");
	}
}

/**
 * nl_done - close the socket
 * @nl: the socket
 */
void nl_done(struct nl *nl)
{
	if (nl->sock)
		nl_socket_free(nl->sock);
	nl->sock = NULL;
}

static int put_sockets(struct nl_msg *msg, const int *fds, size_t count)
{
	struct nlattr *list, *item;
	size_t i;

	list = nla_nest_start(msg, NBD_ATTR_SOCKETS);
	if (!list)
		return -1;
	for (i = 0; i < count; i++) {
		item = nla_nest_start(msg, NBD_SOCK_ITEM);
		if (!item ||
		    nla_put_u32(msg, NBD_SOCK_FD, (u32)fds[i]))
			return -1;
		nla_nest_end(msg, item);
	}
	nla_nest_end(msg, list);
	return 0;
}

static int put_numbers(struct nl_msg *msg, const struct nl_attach *a)
{
	int bad = 0;

	if (a->has_index)
		bad |= nla_put_u32(msg, NBD_ATTR_INDEX, a->index);
	bad |= nla_put_u64(msg, NBD_ATTR_SIZE_BYTES, a->size);
	bad |= nla_put_u64(msg, NBD_ATTR_BLOCK_SIZE_BYTES, a->block_size);
	bad |= nla_put_u64(msg, NBD_ATTR_TIMEOUT, a->timeout);
	bad |= nla_put_u64(msg, NBD_ATTR_DEAD_CONN_TIMEOUT, a->dead_timeout);
	bad |= nla_put_u64(msg, NBD_ATTR_SERVER_FLAGS, a->server_flags);
	bad |= nla_put_u64(msg, NBD_ATTR_CLIENT_FLAGS, 0);
	bad |= nla_put_string(msg, NBD_ATTR_BACKEND_IDENTIFIER, a->backend);
	bad |= nla_put_u32(msg, NBD_ATTR_BLOCK_PREFERRED, a->preferred);
	bad |= nla_put_u32(msg, NBD_ATTR_PAYLOAD_MAX, a->payload_max);
	bad |= nla_put_u32(msg, NBD_ATTR_ATTACH_FLAGS, a->attach_flags);
	bad |= nla_put_u32(msg, NBD_ATTR_ZEROES, a->zeroes);
	if (a->queue_depth)
		bad |= nla_put_u32(msg, NBD_ATTR_QUEUE_DEPTH, a->queue_depth);
	bad |= nla_put_u32(msg, NBD_ATTR_FENCE, a->fence);
	if (a->max_request)
		bad |= nla_put_u32(msg, NBD_ATTR_MAX_REQUEST, a->max_request);
	if (a->has_read_ahead)
		bad |= nla_put_u32(msg, NBD_ATTR_READ_AHEAD, a->read_ahead);
	return bad;
}

/**
 * nl_attach - NBD_CMD_CONNECT
 * @nl: the socket
 * @attach: the arguments
 * @answer: result; on success the index of the device and, unless the driver is an
 *	older one, its serial
 */
void nl_attach(struct nl *nl, const struct nl_attach *attach,
	       struct nl_answer *answer)
{
	struct exchange x = { .answer = answer };
	struct nl_msg *msg;

	msg = new_message(nl->id, NLM_F_ACK, NBD_CMD_CONNECT);
	if (msg && (put_numbers(msg, attach) ||
		    put_sockets(msg, attach->fds, attach->nr_fds))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	exchange(nl, msg, &x);
}

static int put_change(struct nl_msg *msg, const struct nl_change *c)
{
	int bad = 0;

	bad |= nla_put_u32(msg, NBD_ATTR_INDEX, c->index);
	if (c->serial)
		bad |= nla_put_u32(msg, NBD_ATTR_SERIAL, c->serial);
	bad |= nla_put_u64(msg, NBD_ATTR_SIZE_BYTES, c->size);
	bad |= nla_put_u64(msg, NBD_ATTR_SERVER_FLAGS, c->server_flags);
	bad |= nla_put_string(msg, NBD_ATTR_BACKEND_IDENTIFIER, c->backend);
	if (c->moved_to)
		bad |= nla_put_string(msg, NBD_ATTR_MOVED_TO, c->moved_to);
	bad |= nla_put_u32(msg, NBD_ATTR_CHANGE_FLAGS, c->flags);
	return bad;
}

/**
 * nl_change - NBD_CMD_RECONFIGURE
 * @nl: the socket
 * @change: the arguments
 * @answer: result
 */
void nl_change(struct nl *nl, const struct nl_change *change,
	       struct nl_answer *answer)
{
	struct exchange x = { .answer = answer };
	struct nl_msg *msg;

	msg = new_message(nl->id, NLM_F_ACK, NBD_CMD_RECONFIGURE);
	if (msg && (put_change(msg, change) ||
		    put_sockets(msg, change->fds, change->nr_fds))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	exchange(nl, msg, &x);
}

/**
 * nl_detach - NBD_CMD_DISCONNECT
 * @nl: the socket
 * @index: the device
 * @serial: that of the device as it was seen: one that was attached anew since is not
 *	touched, the answer is ESTALE; 0: whatever is attached
 * @flags: NBD_DETACH_*
 * @answer: result
 */
void nl_detach(struct nl *nl, u32 index, u32 serial, u32 flags,
	       struct nl_answer *answer)
{
	struct exchange x = { .answer = answer };
	struct nl_msg *msg;

	msg = new_message(nl->id, NLM_F_ACK, NBD_CMD_DISCONNECT);
	if (msg) {
		nla_put_u32(msg, NBD_ATTR_INDEX, index);
		if (serial)
			nla_put_u32(msg, NBD_ATTR_SERIAL, serial);
		if (flags)
			nla_put_u32(msg, NBD_ATTR_DETACH_FLAGS, flags);
	}
	exchange(nl, msg, &x);
}

/**
 * nl_get - NBD_CMD_GET of one device
 * @nl: the socket
 * @index: the device
 * @devices: result; nl_free_devices() it, also after a failure
 * @answer: how it went
 */
void nl_get(struct nl *nl, u32 index, struct nl_devices *devices,
	    struct nl_answer *answer)
{
	struct exchange x = { .answer = answer, .devices = devices };
	struct nl_msg *msg;

	memset(devices, 0, sizeof(*devices));
	msg = new_message(nl->id, NLM_F_ACK, NBD_CMD_GET);
	if (msg)
		nla_put_u32(msg, NBD_ATTR_INDEX, index);
	exchange(nl, msg, &x);
	if (!answer->error && devices->n != 1)
		answer->error = ENODEV;
}

/**
 * nl_get_latency - NBD_CMD_GET_LATENCY of one connection
 * @nl: the socket
 * @index: the device
 * @conn: the connection
 * @latency: result
 * @answer: how it went
 */
void nl_get_latency(struct nl *nl, u32 index, u32 conn,
		    struct nl_latency *latency, struct nl_answer *answer)
{
	struct exchange x = { .answer = answer, .latency = latency };
	struct nl_msg *msg;

	msg = new_message(nl->id, NLM_F_ACK, NBD_CMD_GET_LATENCY);
	if (msg) {
		nla_put_u32(msg, NBD_ATTR_INDEX, index);
		nla_put_u32(msg, NBD_ATTR_CONNECTION, conn);
	}
	exchange(nl, msg, &x);
	if (!answer->error && !x.replied)
		answer->error = ENODEV;
}

/**
 * nl_get_all - NBD_CMD_GET of all devices
 * @nl: the socket
 * @devices: result; nl_free_devices() it, also after a failure
 * @answer: how it went
 */
void nl_get_all(struct nl *nl, struct nl_devices *devices,
		struct nl_answer *answer)
{
	struct exchange x = { .answer = answer, .devices = devices };

	memset(devices, 0, sizeof(*devices));
	exchange(nl, new_message(nl->id, NLM_F_DUMP, NBD_CMD_GET), &x);
}

/**
 * nl_error - turn the kernel's answer into a failure
 * @answer: an answer with an error
 * @what: what was tried
 * @err: filled
 *
 * Return: -1.
 */
int nl_error(const struct nl_answer *answer, const char *what,
	     struct err *err)
{
	int status = ST_FAILED;

	if (answer->error == ESTALE)
		return err_set(err, ST_NO_DEVICE,
			       "%s: it was detached and attached anew meanwhile",
			       what);
	if (answer->error == EBUSY)
		status = ST_BUSY;
	else if (answer->error == ENODEV || answer->error == ENOENT ||
		 answer->error == ENXIO)
		status = ST_NO_DEVICE;
	else if (answer->error == EPERM || answer->error == EACCES)
		status = ST_NOT_PERMITTED;
	if (!answer->text[0])
		return err_set(err, status, "%s: %s", what,
			       strerror(answer->error));
	return err_set(err, status, "%s: %s (kernel: \"%s\")", what,
		       strerror(answer->error), answer->text);
}
