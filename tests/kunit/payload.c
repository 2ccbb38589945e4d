// SPDX-License-Identifier: GPL-2.0-only
/*
 * A chain of bios with awkward segments, as a merged request has: offsets,
 * odd lengths, and a segment that spans two pages.
 */
#include <linux/highmem.h>

#include "payload.h"

/* Segments of each bio: offset within a two-page block, and length. */
static const struct {
	u32 offset;
	u32 len;
} segments[PAYLOAD_SEGMENTS] = {
	{ 0, 512 }, { 3584, 1536 }, { 100, 1 }, { 4096, 4096 },
};

static void payload_free(void *data)
{
	struct bio *bio = data;
	struct bio_vec *vec = bio->bi_io_vec;
	unsigned int i;

	for (i = 0; i < PAYLOAD_SEGMENTS; i++)
		__free_pages(vec[i].bv_page, 1);
	bio_put(bio);
}

static struct bio *payload_bio(struct kunit *test)
{
	struct bio *bio = bio_alloc(NULL, PAYLOAD_SEGMENTS, REQ_OP_WRITE,
				    GFP_KERNEL);
	unsigned int i;

	for (i = 0; i < PAYLOAD_SEGMENTS; i++) {
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP |
						__GFP_ZERO, 1);

		KUNIT_ASSERT_NOT_NULL(test, page);
		__bio_add_page(bio, page, segments[i].len, segments[i].offset);
	}
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, payload_free,
							   bio));
	return bio;
}

/* Freed with the test. */
struct bio *payload_alloc(struct kunit *test, u32 *bytes)
{
	struct bio *first = NULL, *bio;
	unsigned int i;

	*bytes = 0;
	for (i = 0; i < PAYLOAD_BIOS; i++) {
		bio = payload_bio(test);
		bio->bi_next = first;
		first = bio;
		*bytes += bio->bi_iter.bi_size;
	}
	return first;
}

u8 payload_byte(u8 seed, u32 at)
{
	return seed + at * 7 + at / 251;
}

static u8 *payload_address(const struct bio_vec *vec, u32 at)
{
	return (u8 *)page_address(vec->bv_page) + vec->bv_offset + at;
}

void payload_fill(struct bio *bio, u8 seed)
{
	struct bvec_iter iter;
	struct bio_vec vec;
	u32 at = 0, i;

	for (; bio; bio = bio->bi_next)
		bio_for_each_bvec(vec, bio, iter)
			for (i = 0; i < vec.bv_len; i++)
				*payload_address(&vec, i) =
					payload_byte(seed, at++);
}

void payload_check(struct kunit *test, struct bio *bio, u8 seed)
{
	struct bvec_iter iter;
	struct bio_vec vec;
	u32 at = 0, i;

	for (; bio; bio = bio->bi_next)
		bio_for_each_bvec(vec, bio, iter)
			for (i = 0; i < vec.bv_len; i++)
				KUNIT_ASSERT_EQ(test,
						*payload_address(&vec, i),
						payload_byte(seed, at++));
}
