/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A chain of bios with awkward segments, as a merged request has.
 */
#ifndef NBD_KUNIT_PAYLOAD_H
#define NBD_KUNIT_PAYLOAD_H

#include <kunit/test.h>
#include <linux/bio.h>

#define PAYLOAD_BIOS		3
#define PAYLOAD_SEGMENTS	4

struct bio *payload_alloc(struct kunit *test, u32 *bytes);
void payload_fill(struct bio *bio, u8 seed);
void payload_check(struct kunit *test, struct bio *bio, u8 seed);
u8 payload_byte(u8 seed, u32 at);

#endif
