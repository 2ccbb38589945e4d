// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The transmission phase on the wire: fixed bytes, and every byte of a reply's
 * magic broken once.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../driver/proto.h"
#include "vectors.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void requests_have_the_documented_bytes(void **state)
{
	struct nbd_request wire;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(request_vectors); i++) {
		const struct request_vector *v = &request_vectors[i];

		memset(&wire, 0xaa, sizeof(wire));
		nbd_encode_request(&wire, v->type, v->cookie, v->from, v->len);
		assert_memory_equal(&wire, v->wire, sizeof(v->wire));
	}
}

static void errors_have_the_documented_meaning(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(error_vectors); i++)
		assert_int_equal(nbd_errno_from_wire(error_vectors[i].wire),
				 -error_vectors[i].error);
}

static void a_reply_is_decoded(void **state)
{
	struct nbd_reply_info info;
	struct nbd_reply wire;

	(void)state;
	memcpy(&wire, reply_vector, sizeof(wire));
	assert_int_equal(nbd_decode_reply(&wire, &info), 0);
	assert_true(info.cookie == 0x0102030405060708ULL);
	assert_int_equal(info.error, 0);

	((u8 *)&wire)[7] = 28;
	assert_int_equal(nbd_decode_reply(&wire, &info), 0);
	assert_int_equal(info.error, -ENOSPC);
}

static void any_broken_bit_of_the_magic_is_refused(void **state)
{
	struct nbd_reply_info info;
	struct nbd_reply wire;
	unsigned int bit;

	(void)state;
	for (bit = 0; bit < 32; bit++) {
		memcpy(&wire, reply_vector, sizeof(wire));
		((u8 *)&wire)[bit / 8] ^= 1 << bit % 8;
		assert_int_equal(nbd_decode_reply(&wire, &info), -EPROTO);
	}
}

static void a_cookie_keeps_its_halves(void **state)
{
	u64 cookie = nbd_cookie(0x89abcdef, 0xfedc0123);

	(void)state;
	assert_true(cookie == 0x89abcdeffedc0123ULL);
	assert_int_equal(nbd_cookie_generation(cookie), 0x89abcdef);
	assert_int_equal(nbd_cookie_tag(cookie), 0xfedc0123);
}

static void commands_have_names(void **state)
{
	(void)state;
	assert_string_equal(nbd_command_name(NBD_CMD_WRITE_ZEROES |
					     NBD_CMD_FLAG_NO_HOLE),
			    "write zeroes");
	assert_string_equal(nbd_command_name(77), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_have_the_documented_bytes),
		cmocka_unit_test(errors_have_the_documented_meaning),
		cmocka_unit_test(a_reply_is_decoded),
		cmocka_unit_test(any_broken_bit_of_the_magic_is_refused),
		cmocka_unit_test(a_cookie_keeps_its_halves),
		cmocka_unit_test(commands_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
