// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/nbd-netlink.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "netns.h"
#include "nl-events.h"

#define BUFFER_SIZE	(1024 << 10)	/* for events that wait to be read */

/**
 * nl_events_open - open a socket that hears when families come and go
 * @err: filled on failure
 *
 * Return: a file descriptor, non-blocking, or -1 with @err set.
 */
int nl_events_open(struct err *err)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK };
	int size = BUFFER_SIZE, error;
	int home = netns_visit_first();
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_GENERIC);

	if (netns_return(home)) {
		error = errno;
		if (fd >= 0)
			close(fd);
		return err_set(err, ST_FAILED,
			       "cannot go back to the network namespace: %s",
			       strerror(error));
	}
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
		/* The group of the controller has the number of its family. */
		if (!nl_events_join(fd, GENL_ID_CTRL, err))
			return fd;
		close(fd);
		return -1;
	}
	error = errno;
	if (fd >= 0)
		close(fd);
	return err_set(err, ST_FAILED, "cannot open a netlink socket: %s",
		       strerror(error));
}

/**
 * nl_events_join - hear what is told to a group
 * @fd: the socket
 * @group: the group
 * @err: filled on failure
 *
 * Return: 0, also when it was joined before, or -1 with @err set.
 */
int nl_events_join(int fd, u32 group, struct err *err)
{
	if (!setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
			sizeof(group)))
		return 0;
	return err_set(err, ST_FAILED, "cannot join netlink group %u: %s",
		       group, strerror(errno));
}

static void on_controller(struct nlmsghdr *hdr, nl_event_fn fn, void *arg)
{
	struct nlattr *tb[CTRL_ATTR_MAX + 1];

	if (genlmsg_parse(hdr, 0, tb, CTRL_ATTR_MAX, NULL) >= 0 &&
	    tb[CTRL_ATTR_FAMILY_NAME] &&
	    !nla_strcmp(tb[CTRL_ATTR_FAMILY_NAME], NBD_GENL_FAMILY_NAME))
		fn(NL_EVENT_FAMILY, 0, arg);
}

static void on_family(struct nlmsghdr *hdr, nl_event_fn fn, void *arg)
{
	struct nlattr *index;

	if (!genlmsg_valid_hdr(hdr, 0) ||
	    genlmsg_hdr(hdr)->cmd != NBD_CMD_LINK_DEAD)
		return;
	index = nlmsg_find_attr(hdr, GENL_HDRLEN, NBD_ATTR_INDEX);
	if (index && nla_len(index) >= 4)
		fn(NL_EVENT_LINK_DEAD, nla_get_u32(index), arg);
}

static void on_messages(void *data, int left, int family, nl_event_fn fn,
			void *arg)
{
	struct nlmsghdr *hdr;

	for (hdr = data; nlmsg_ok(hdr, left); hdr = nlmsg_next(hdr, &left)) {
		if (hdr->nlmsg_type == GENL_ID_CTRL)
			on_controller(hdr, fn, arg);
		else if (hdr->nlmsg_type == family)
			on_family(hdr, fn, arg);
	}
}

/**
 * nl_events_read - call a function for each event that has come
 * @fd: the socket
 * @family: number of the family, 0 when there is none
 * @fn: the function
 * @arg: its last argument
 */
void nl_events_read(int fd, int family, nl_event_fn fn, void *arg)
{
	union {
		struct nlmsghdr hdr;	/* for its alignment */
		char bytes[16384];
	} data;
	struct sockaddr_nl from;
	struct iovec iov = { .iov_base = &data, .iov_len = sizeof(data) };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t got;

	for (;;) {
		msg.msg_namelen = sizeof(from);
		got = recvmsg(fd, &msg, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (got < 0 || msg.msg_flags & MSG_TRUNC)
			fn(NL_EVENT_LOST, 0, arg);
		else if (!from.nl_pid)
			on_messages(&data, (int)got, family, fn, arg);
		if (got < 0 && errno != ENOBUFS)
			return;
	}
}
