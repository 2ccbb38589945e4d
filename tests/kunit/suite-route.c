// SPDX-License-Identifier: GPL-2.0-only
/*
 * Routing: which connection a command travels on.
 */
#include <kunit/test.h>

#include "../../driver/queue.h"

#define CONNECTIONS	4

struct slots {
	struct nbd_conn *conns[CONNECTIONS];
	struct nbd_queue_config config;
};

static struct slots *make(struct kunit *test)
{
	struct slots *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	for (i = 0; i < CONNECTIONS; i++) {
		s->conns[i] = kunit_kzalloc(test, sizeof(*s->conns[i]),
					    GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, s->conns[i]);
		s->conns[i]->index = i;
		s->conns[i]->avoid_until = jiffies;
		atomic_set(&s->conns[i]->state, NBD_CONN_LIVE);
	}
	s->config.conns = s->conns;
	s->config.nr_conns = CONNECTIONS;
	return s;
}

static void the_idle_home_is_taken(struct kunit *test)
{
	struct slots *s = make(test);
	unsigned int home;

	for (home = 0; home < CONNECTIONS; home++)
		KUNIT_EXPECT_PTR_EQ(test, s->conns[home],
				    nbd_queue_pick(&s->config, home));
	/* More hardware queues than connections. */
	KUNIT_EXPECT_PTR_EQ(test, s->conns[1],
			    nbd_queue_pick(&s->config, CONNECTIONS + 1));
}

static void one_thread_uses_all(struct kunit *test)
{
	struct slots *s = make(test);
	unsigned int i;

	for (i = 0; i < CONNECTIONS * 10; i++)
		atomic_inc(&nbd_queue_pick(&s->config, 2)->in_flight);
	for (i = 0; i < CONNECTIONS; i++)
		KUNIT_EXPECT_EQ(test, 10,
				atomic_read(&s->conns[i]->in_flight));
}

static void the_least_loaded_is_taken(struct kunit *test)
{
	struct slots *s = make(test);
	unsigned int i;

	for (i = 0; i < CONNECTIONS; i++)
		atomic_set(&s->conns[i]->in_flight, i == 3 ? 2 : 9);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[3], nbd_queue_pick(&s->config, 0));
}

static void dead_ones_are_not(struct kunit *test)
{
	struct slots *s = make(test);

	atomic_set(&s->conns[1]->state, NBD_CONN_FAILING);
	atomic_set(&s->conns[2]->state, NBD_CONN_DOWN);
	atomic_set(&s->conns[3]->in_flight, 100);
	KUNIT_EXPECT_PTR_NE(test, s->conns[1], nbd_queue_pick(&s->config, 1));
	atomic_set(&s->conns[0]->state, NBD_CONN_DOWN);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[3], nbd_queue_pick(&s->config, 1));
	atomic_set(&s->conns[3]->state, NBD_CONN_FAILING);
	KUNIT_EXPECT_NULL(test, nbd_queue_pick(&s->config, 1));
}

static void a_slow_one_is_avoided(struct kunit *test)
{
	struct slots *s = make(test);
	unsigned int i;

	for (i = 1; i < CONNECTIONS; i++)
		nbd_route_learn(&s->config, s->conns[i], 1);
	nbd_route_learn(&s->config, s->conns[0], 50);
	atomic_set(&s->conns[1]->in_flight, 2);
	atomic_set(&s->conns[2]->in_flight, 9);
	atomic_set(&s->conns[3]->in_flight, 9);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[1], nbd_queue_pick(&s->config, 0));
	/* Better than none. */
	for (i = 1; i < CONNECTIONS; i++)
		atomic_set(&s->conns[i]->state, NBD_CONN_DOWN);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[0], nbd_queue_pick(&s->config, 0));
}

static void all_slow_is_none_slow(struct kunit *test)
{
	struct slots *s = make(test);
	unsigned int i, round;

	for (i = 0; i < CONNECTIONS; i++)
		atomic_set(&s->conns[i]->in_flight, 5);
	for (round = 0; round < 10; round++)
		for (i = 0; i < CONNECTIONS; i++)
			nbd_route_learn(&s->config, s->conns[i], 50 + i);
	for (i = 0; i < CONNECTIONS; i++)
		KUNIT_EXPECT_PTR_EQ(test, s->conns[i],
				    nbd_queue_pick(&s->config, i));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(the_idle_home_is_taken),
	KUNIT_CASE(one_thread_uses_all),
	KUNIT_CASE(the_least_loaded_is_taken),
	KUNIT_CASE(dead_ones_are_not),
	KUNIT_CASE(a_slow_one_is_avoided),
	KUNIT_CASE(all_slow_is_none_slow),
	{ }
};

static struct kunit_suite suite = {
	.name = "nbd-route",
	.test_cases = cases,
};

kunit_test_suite(suite);
