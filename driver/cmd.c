// SPDX-License-Identifier: GPL-2.0-only
/*
 * The payload of a command, bio by bio.
 */
#include "cmd.h"

static void nbd_cursor_load(struct nbd_cursor *cur, unsigned int direction)
{
	struct bio *bio = cur->bio;
	struct bvec_iter iter;
	struct bio_vec bvec;
	unsigned int segments = 0;

	/* bi_vcnt says nothing about a bio that was split or cloned. */
	bio_for_each_bvec(bvec, bio, iter)
		segments++;

	iov_iter_bvec(&cur->iter, direction,
		      __bvec_iter_bvec(bio->bi_io_vec, bio->bi_iter), segments,
		      bio->bi_iter.bi_size);
	cur->iter.iov_offset = bio->bi_iter.bi_bvec_done;
}

/**
 * nbd_cursor_start() - point at the beginning of a payload
 * @cur: the cursor
 * @bio: first bio of the request, NULL for no payload
 * @direction: ITER_SOURCE to send from it, ITER_DEST to receive into it
 *
 * The bios stay the request's; they must outlive the use of the cursor.
 *
 * Context: any.
 */
void nbd_cursor_start(struct nbd_cursor *cur, struct bio *bio,
		      unsigned int direction)
{
	cur->bio = bio;
	if (bio)
		nbd_cursor_load(cur, direction);
}

/**
 * nbd_cursor_next() - go on to the next bio once the present one is used up
 * @cur: the cursor; @cur->bio becomes NULL at the end of the payload
 *
 * Context: any.
 */
void nbd_cursor_next(struct nbd_cursor *cur)
{
	unsigned int direction = iov_iter_rw(&cur->iter);

	cur->bio = cur->bio->bi_next;
	if (cur->bio)
		nbd_cursor_load(cur, direction);
}

/**
 * nbd_cursor_advance() - skip bytes of the payload
 * @cur: the cursor
 * @bytes: how many; not beyond the end of the payload
 *
 * Context: any.
 */
void nbd_cursor_advance(struct nbd_cursor *cur, size_t bytes)
{
	while (cur->bio && bytes >= iov_iter_count(&cur->iter)) {
		bytes -= iov_iter_count(&cur->iter);
		nbd_cursor_next(cur);
	}
	if (cur->bio)
		iov_iter_advance(&cur->iter, bytes);
}
