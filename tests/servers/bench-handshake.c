// SPDX-License-Identifier: GPL-2.0-or-later
/* The handshake of the lean server. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "bench-handshake.h"

#define OPTION_SIZE	(2 * NBD_MAX_STRING)
#define BLOCK_PREFERRED	4096U
#define EXPORT_FLAGS	(NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH |	\
			 NBD_FLAG_SEND_FUA | NBD_FLAG_SEND_TRIM |	\
			 NBD_FLAG_SEND_WRITE_ZEROES | NBD_FLAG_CAN_MULTI_CONN)

/* Drop the first @n bytes of a vector; how many pieces are gone. */
static unsigned int advance(struct iovec *iov, size_t n)
{
	unsigned int i = 0;

	while (n && n >= iov[i].iov_len)
		n -= iov[i++].iov_len;
	if (n) {
		iov[i].iov_base = (u8 *)iov[i].iov_base + n;
		iov[i].iov_len -= n;
	}
	return i;
}

/**
 * send_all - send a vector, in as few calls as the socket allows
 * @fd: the socket
 * @iov: the pieces; destroyed
 * @n: number of pieces
 *
 * Return: false when the connection is gone.
 */
bool send_all(int fd, struct iovec *iov, unsigned int n)
{
	while (n) {
		struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n };
		ssize_t sent = sendmsg(fd, &msg, MSG_NOSIGNAL);
		unsigned int gone;

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		gone = advance(iov, sent);
		iov += gone;
		n -= gone;
	}
	return true;
}

static bool send_bytes(int fd, void *data, size_t len)
{
	struct iovec iov = { .iov_base = data, .iov_len = len };

	return send_all(fd, &iov, 1);
}

static bool receive_bytes(int fd, void *data, size_t len)
{
	u8 *p = data;

	while (len) {
		ssize_t n = recv(fd, p, len, MSG_WAITALL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

static bool option_reply(int fd, u32 option, u32 type, const void *data,
			 u32 len)
{
	u8 buf[NBD_REPLY_LEN + 32];

	put_u64(buf, NBD_OPTION_REPLY_MAGIC);
	put_u32(buf + 8, option);
	put_u32(buf + 12, type);
	put_u32(buf + 16, len);
	if (len)
		memcpy(buf + NBD_REPLY_LEN, data, len);
	return send_bytes(fd, buf, NBD_REPLY_LEN + len);
}

/* EXPORT_NAME has an answer of its own kind, and ends the handshake. */
static bool answer_export_name(int fd, u64 size, bool zeroes)
{
	u8 buf[NBD_EXPORT_NAME_LEN + NBD_EXPORT_NAME_ZEROES] = {};

	put_u64(buf, size);
	put_u16(buf + 8, EXPORT_FLAGS);
	return send_bytes(fd, buf, zeroes ? sizeof(buf) : NBD_EXPORT_NAME_LEN);
}

/* wants_blocks: does the client ask for block sizes? Negative if malformed. */
static int wants_blocks(const u8 *data, u32 len)
{
	u32 name;
	u16 i, n;

	if (len < 6)
		return -1;
	name = get_u32(data);
	if (name > len - 6)
		return -1;
	data += 4 + name;
	n = get_u16(data);
	if (len - 6 - name != 2U * n)
		return -1;
	for (i = 0; i < n; i++)
		if (get_u16(data + 2 + 2 * i) == NBD_INFO_BLOCK_SIZE)
			return 1;
	return 0;
}

static bool answer_info(int fd, u64 size, u32 option, const u8 *data,
			u32 len)
{
	int blocks = wants_blocks(data, len);
	u8 buf[NBD_INFO_BLOCK_LEN];

	if (blocks < 0)
		return option_reply(fd, option, NBD_REP_ERR(NBD_ERR_INVALID),
				    NULL, 0);
	put_u16(buf, NBD_INFO_EXPORT);
	put_u64(buf + 2, size);
	put_u16(buf + 10, EXPORT_FLAGS);
	if (!option_reply(fd, option, NBD_REP_INFO, buf, NBD_INFO_EXPORT_LEN))
		return false;
	if (blocks) {
		put_u16(buf, NBD_INFO_BLOCK_SIZE);
		put_u32(buf + 2, 1);
		put_u32(buf + 6, BLOCK_PREFERRED);
		put_u32(buf + 10, PAYLOAD_MAX);
		if (!option_reply(fd, option, NBD_REP_INFO, buf,
				  NBD_INFO_BLOCK_LEN))
			return false;
	}
	return option_reply(fd, option, NBD_REP_ACK, NULL, 0);
}

/* One export, whose name is empty. */
static bool answer_list(int fd)
{
	u8 name[4] = {};

	return option_reply(fd, NBD_OPT_LIST, NBD_REP_SERVER, name,
			    sizeof(name)) &&
	       option_reply(fd, NBD_OPT_LIST, NBD_REP_ACK, NULL, 0);
}

/* One option; 1 when transmission is next, 0 for more, negative at the end. */
static int option(int fd, u64 size, bool zeroes)
{
	u8 head[NBD_OPTION_LEN], data[OPTION_SIZE];
	u32 which, len;
	bool ok;

	if (!receive_bytes(fd, head, sizeof(head)) ||
	    get_u64(head) != NBD_OPTION_MAGIC)
		return -1;
	which = get_u32(head + 8);
	len = get_u32(head + 12);
	if (len > sizeof(data) || !receive_bytes(fd, data, len))
		return -1;
	switch (which) {
	case NBD_OPT_EXPORT_NAME:
		return answer_export_name(fd, size, zeroes) ? 1 : -1;
	case NBD_OPT_GO:
		ok = answer_info(fd, size, which, data, len);
		if (ok && wants_blocks(data, len) >= 0)
			return 1;
		break;
	case NBD_OPT_INFO:
		ok = answer_info(fd, size, which, data, len);
		break;
	case NBD_OPT_LIST:
		ok = answer_list(fd);
		break;
	case NBD_OPT_ABORT:
		option_reply(fd, which, NBD_REP_ACK, NULL, 0);
		return -1;
	default:
		ok = option_reply(fd, which, NBD_REP_ERR(NBD_ERR_UNSUP),
				  NULL, 0);
	}
	return ok ? 0 : -1;
}

/**
 * handshake - newstyle, up to the transmission phase
 * @fd: the socket
 * @size: of the export
 *
 * Return: false when the connection is to be closed.
 */
bool handshake(int fd, u64 size)
{
	u8 hello[18], flags[4];
	int state;

	put_u64(hello, NBD_MAGIC);
	put_u64(hello + 8, NBD_OPTION_MAGIC);
	put_u16(hello + 16, NBD_HS_FIXED_NEWSTYLE | NBD_HS_NO_ZEROES);
	if (!send_bytes(fd, hello, sizeof(hello)) ||
	    !receive_bytes(fd, flags, sizeof(flags)))
		return false;
	do {
		state = option(fd, size, !(get_u32(flags) & NBD_HS_NO_ZEROES));
	} while (!state);
	return state > 0;
}
