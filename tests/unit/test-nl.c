// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading what the driver answers to NBD_CMD_GET. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nbd-netlink.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "nl.h"

static struct nl_msg *new_reply(void)
{
	struct nl_msg *msg = nlmsg_alloc_size(65536);

	assert_non_null(msg);
	assert_non_null(genlmsg_put(msg, 0, 0, 0, 0, 0, NBD_CMD_GET,
				    NBD_GENL_VERSION));
	return msg;
}

static void put_conn(struct nl_msg *msg, u32 index, u32 state)
{
	struct nlattr *item = nla_nest_start(msg, NBD_CONN_ITEM);

	nla_put_u32(msg, NBD_CONN_ATTR_INDEX, index);
	nla_put_u32(msg, NBD_CONN_ATTR_STATE, state);
	nla_put_u32(msg, NBD_CONN_ATTR_GENERATION, 3);
	nla_put_string(msg, NBD_CONN_ATTR_PEER, "[::1]:10809");
	nla_put_u64(msg, NBD_CONN_ATTR_REQUESTS, 1ULL << 40);
	nla_put_u64(msg, NBD_CONN_ATTR_BYTES_READ, 2);
	nla_put_u64(msg, NBD_CONN_ATTR_BYTES_WRITTEN, 4);
	nla_put_u64(msg, NBD_CONN_ATTR_ERRORS, 5);
	nla_put_u32(msg, NBD_CONN_ATTR_FAILURES, 6);
	nla_put_s32(msg, NBD_CONN_ATTR_LAST_ERROR, -104);
	nla_put_u64(msg, NBD_CONN_ATTR_SINCE, 7);
	nla_nest_end(msg, item);
}

static void put_conns(struct nl_msg *msg, u32 n)
{
	struct nlattr *conns = nla_nest_start(msg, NBD_ATTR_CONNECTIONS);
	u32 i;

	for (i = 0; i < n; i++)
		put_conn(msg, i, i % 2 ? NBD_CONN_LIVE : NBD_CONN_DOWN);
	nla_nest_end(msg, conns);
}

static void test_device(void **state)
{
	struct nl_devices devices = { .n = 0 };
	struct nl_msg *msg = new_reply();
	const struct nl_device *d;

	(void)state;
	nla_put_u32(msg, NBD_ATTR_INDEX, 7);
	nla_put_u32(msg, NBD_ATTR_STATE, NBD_STATE_LIVE);
	nla_put_u64(msg, NBD_ATTR_SIZE_BYTES, 1ULL << 50);
	nla_put_u64(msg, NBD_ATTR_TIMEOUT, 30);
	nla_put_string(msg, NBD_ATTR_BACKEND_IDENTIFIER, "nbd://h/");
	nla_put_string(msg, NBD_ATTR_MOVED_TO, "nbd://i/");
	nla_put_u32(msg, NBD_ATTR_PAYLOAD_MAX, 0xffffffff);
	nla_put_u32(msg, NBD_ATTR_PID, 42);
	nla_put_u32(msg, NBD_ATTR_SERIAL, 0xfffffffe);
	put_conns(msg, 256);
	assert_int_equal(nl_parse_device(&devices, msg), 0);
	nlmsg_free(msg);

	assert_int_equal(devices.n, 1);
	d = &devices.d[0];
	assert_int_equal(d->index, 7);
	assert_int_equal(d->state, NBD_STATE_LIVE);
	assert_true(d->size == 1ULL << 50);
	assert_int_equal(d->timeout, 30);
	assert_string_equal(d->backend, "nbd://h/");
	assert_string_equal(d->moved_to, "nbd://i/");
	assert_true(d->payload_max == 0xffffffff);
	assert_int_equal(d->pid, 42);
	assert_true(d->serial == 0xfffffffe);
	assert_true(nl_is_meant(d, 0));
	assert_true(nl_is_meant(d, 0xfffffffe));
	assert_false(nl_is_meant(d, 1));
	assert_int_equal(d->read_ahead, 0);
	assert_int_equal(d->nr_conns, 256);
	assert_int_equal(nl_live(d), 128);
	assert_int_equal(d->conns[255].index, 255);
	assert_string_equal(d->conns[255].peer, "[::1]:10809");
	assert_true(d->conns[255].requests == 1ULL << 40);
	assert_int_equal(d->conns[255].last_error, 104);
	assert_int_equal(d->conns[255].since, 7);
	nl_free_devices(&devices);
}

/* Each reply of a dump adds a device; one without an index adds none. */
static void test_dump(void **state)
{
	struct nl_devices devices = { .n = 0 };
	struct nl_msg *msg;
	u32 i;

	(void)state;
	for (i = 0; i < 100; i++) {
		msg = new_reply();
		if (i != 50)
			nla_put_u32(msg, NBD_ATTR_INDEX, i);
		assert_int_equal(nl_parse_device(&devices, msg), 0);
		nlmsg_free(msg);
	}
	assert_int_equal(devices.n, 99);
	assert_int_equal(devices.d[98].index, 99);
	assert_null(devices.d[98].backend);
	nl_free_devices(&devices);
	assert_int_equal(devices.n, 0);
}

static void test_latency(void **state)
{
	static struct nl_latency l;
	u64 counts[NBD_LATENCY_BUCKETS + 1];
	struct nl_msg *msg = new_reply();
	int i;

	(void)state;
	for (i = 0; i <= NBD_LATENCY_BUCKETS; i++)
		counts[i] = 1000 + (u64)i;
	memset(&l, 0xff, sizeof(l));
	nla_put_u32(msg, NBD_ATTR_INDEX, 7);
	nla_put(msg, NBD_ATTR_LATENCY_READ, 2 * sizeof(u64), counts);
	nla_put(msg, NBD_ATTR_LATENCY_WRITE, 0, counts);
	/* From a driver that has more of them. */
	nla_put(msg, NBD_ATTR_LATENCY_FLUSH, sizeof(counts), counts);
	nl_parse_latency(&l, msg);
	nlmsg_free(msg);
	assert_true(l.count[NL_LATENCY_READ][0] == 1000);
	assert_true(l.count[NL_LATENCY_READ][1] == 1001);
	assert_true(l.count[NL_LATENCY_READ][2] == 0);
	assert_true(l.count[NL_LATENCY_WRITE][0] == 0);
	assert_true(l.count[NL_LATENCY_TRIM][0] == 0);
	assert_true(l.count[NL_LATENCY_FLUSH][NBD_LATENCY_BUCKETS - 1] ==
		    1000 + NBD_LATENCY_BUCKETS - 1);
}

/* Attributes that are too short, or that nobody knows yet, are passed over. */
static void test_odd_attributes(void **state)
{
	struct nl_devices devices = { .n = 0 };
	struct nl_msg *msg = new_reply();

	(void)state;
	nla_put_u32(msg, NBD_ATTR_INDEX, 1);
	nla_put_u8(msg, NBD_ATTR_STATE, 1);
	nla_put_u32(msg, NBD_ATTR_SIZE_BYTES, 1);
	nla_put_u32(msg, NBD_ATTR_MAX + 5, 1);
	nla_put_u32(msg, NBD_ATTR_CONNECTIONS, 1);
	assert_int_equal(nl_parse_device(&devices, msg), 0);
	nlmsg_free(msg);
	assert_int_equal(devices.n, 1);
	assert_int_equal(devices.d[0].state, 0);
	assert_int_equal(devices.d[0].size, 0);
	assert_int_equal(devices.d[0].nr_conns, 0);
	nl_free_devices(&devices);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_latency),
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_odd_attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
