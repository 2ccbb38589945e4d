// SPDX-License-Identifier: GPL-2.0-only
/*
 * The receive parser.
 */
#include <linux/errno.h>
#include <linux/minmax.h>

#include "rx.h"

static void nbd_rx_want_header(struct nbd_rx *rx)
{
	rx->state = NBD_RX_HEADER;
	rx->left = sizeof(rx->header);
	rx->vec.iov_base = &rx->header;
	rx->vec.iov_len = sizeof(rx->header);
	iov_iter_kvec(&rx->iter, ITER_DEST, &rx->vec, 1, rx->left);
}

/**
 * nbd_rx_init() - start at the beginning of a stream
 * @rx: the parser
 * @ops: its user
 *
 * Context: any, while nothing is being received.
 */
void nbd_rx_init(struct nbd_rx *rx, const struct nbd_rx_ops *ops)
{
	rx->ops = ops;
	rx->large = false;
	nbd_rx_want_header(rx);
}

static void nbd_rx_want_payload(struct nbd_rx *rx)
{
	rx->left = rx->ops->more(rx);
	if (rx->left) {
		rx->state = NBD_RX_PAYLOAD;
		return;
	}
	rx->ops->done(rx);
	nbd_rx_want_header(rx);
}

/**
 * nbd_rx_filled() - bytes were put into @rx->iter
 * @rx: the parser
 * @bytes: how many, at most @rx->left; the iterator has been advanced by it
 *
 * Context: that of the one receiver; calls the user's ops.
 * Return: 0 to go on, or a negative errno: the stream is broken and the
 * parser must not be used again before nbd_rx_init().
 */
int nbd_rx_filled(struct nbd_rx *rx, size_t bytes)
{
	struct nbd_reply_info info;
	int ret;

	rx->left -= bytes;
	if (rx->left)
		return 0;

	if (rx->state == NBD_RX_HEADER) {
		ret = nbd_decode_reply(&rx->header, &info);
		if (ret)
			return ret;
		ret = rx->ops->reply(rx, &info);
		if (ret)
			return ret;
		nbd_rx_want_payload(rx);
		rx->large = rx->state == NBD_RX_PAYLOAD &&
			    rx->left > NBD_RX_SMALL;
		return 0;
	}
	nbd_rx_want_payload(rx);
	return 0;
}

/**
 * nbd_rx_feed() - receive from a buffer
 * @rx: the parser
 * @data: bytes of the stream
 * @bytes: how many
 *
 * Context: as nbd_rx_filled().
 * Return: 0, or a negative errno as nbd_rx_filled(); -EFAULT when the pages
 * of a command could not be written.
 */
int nbd_rx_feed(struct nbd_rx *rx, const void *data, size_t bytes)
{
	int ret = 0;

	while (bytes && !ret) {
		size_t part = min(bytes, rx->left);

		if (copy_to_iter(data, part, &rx->iter) != part)
			return -EFAULT;
		data += part;
		bytes -= part;
		ret = nbd_rx_filled(rx, part);
	}
	return ret;
}
