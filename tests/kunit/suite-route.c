// SPDX-License-Identifier: GPL-2.0-only
/*
 * Routing: which connection a command travels on.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched/clock.h>

#include "../../driver/queue.h"
#include "../../driver/spare.h"

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

/* Forty commands from one hardware queue, ten for each connection. */
static void expect_even(struct kunit *test, struct slots *s)
{
	unsigned int i;

	for (i = 0; i < CONNECTIONS * 10; i++)
		atomic_inc(&nbd_queue_pick(&s->config, 2)->in_flight);
	for (i = 0; i < CONNECTIONS; i++)
		KUNIT_EXPECT_EQ(test, 10,
				atomic_read(&s->conns[i]->in_flight));
}

static void one_thread_uses_all(struct kunit *test)
{
	struct slots *s = make(test);

	expect_even(test, s);
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

static void all_answered(struct slots *s)
{
	unsigned int i;

	for (i = 0; i < CONNECTIONS; i++)
		s->conns[i]->progress_at = local_clock();
}

/* All answer a command in @service, and have done so just now. */
static void all_serve_in(struct slots *s, u32 service)
{
	unsigned int i;

	s->config.spread = NSEC_PER_SEC;
	for (i = 0; i < CONNECTIONS; i++) {
		s->conns[i]->depth = 128;
		s->conns[i]->service = service;
	}
	all_answered(s);
}

static void what_is_fast_stays_together(struct kunit *test)
{
	struct slots *s = make(test);
	unsigned int i;

	all_serve_in(s, 10 * NSEC_PER_MSEC);
	for (i = 0; i < 100; i++)
		atomic_inc(&nbd_queue_pick(&s->config, 2)->in_flight);
	KUNIT_EXPECT_EQ(test, 100, atomic_read(&s->conns[2]->in_flight));
	/* Then the next one, and when all would have to wait, the least. */
	for (i = 0; i < 2; i++)
		atomic_inc(&nbd_queue_pick(&s->config, 2)->in_flight);
	KUNIT_EXPECT_EQ(test, 101, atomic_read(&s->conns[2]->in_flight));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&s->conns[3]->in_flight));
}

/* What may take long is not waited for, however fast all else was. */
static void nothing_follows_a_flush(struct kunit *test)
{
	struct slots *s = make(test);
	struct nbd_conn *conn = s->conns[2];

	all_serve_in(s, 10 * NSEC_PER_MSEC);
	atomic_set(&conn->in_flight, 1);
	KUNIT_EXPECT_PTR_EQ(test, conn, nbd_queue_pick(&s->config, 2));
	atomic_set(&conn->lengthy, 1);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[3], nbd_queue_pick(&s->config, 2));
	/* The least loaded if all have one. */
	atomic_set(&s->conns[0]->in_flight, 2);
	atomic_set(&s->conns[0]->lengthy, 1);
	atomic_set(&s->conns[1]->in_flight, 3);
	atomic_set(&s->conns[1]->lengthy, 1);
	atomic_set(&s->conns[3]->in_flight, 2);
	atomic_set(&s->conns[3]->lengthy, 2);
	KUNIT_EXPECT_PTR_EQ(test, conn, nbd_queue_pick(&s->config, 2));
}

static void what_is_slow_spreads(struct kunit *test)
{
	struct slots *s = make(test);

	all_serve_in(s, 2 * NSEC_PER_SEC);
	expect_even(test, s);
}

static void what_stalls_gets_no_more(struct kunit *test)
{
	struct slots *s = make(test);

	all_serve_in(s, 10 * NSEC_PER_MSEC);
	atomic_set(&s->conns[0]->in_flight, 1);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[0], nbd_queue_pick(&s->config, 0));
	s->conns[0]->progress_at = local_clock() - 100 * NSEC_PER_SEC;
	KUNIT_EXPECT_PTR_EQ(test, s->conns[1], nbd_queue_pick(&s->config, 0));
}

static void not_beyond_the_depth(struct kunit *test)
{
	struct slots *s = make(test);

	all_serve_in(s, 1);
	atomic_set(&s->conns[0]->in_flight, 128);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[1], nbd_queue_pick(&s->config, 0));
}

static int spin(void *unused)
{
	while (!kthread_should_stop())
		cond_resched();
	return 0;
}

/* Have each processor busy until spin_end(). */
static void spin_begin(struct kunit *test, struct task_struct **spinners)
{
	unsigned long end = jiffies + 10 * HZ;
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		spinners[cpu] = kthread_run_on_cpu(spin, NULL, cpu,
						   "nbd-spin/%u");
		KUNIT_EXPECT_FALSE(test, IS_ERR(spinners[cpu]));
	}
	while (nbd_spare() && time_before(jiffies, end))
		cond_resched();
	KUNIT_EXPECT_FALSE(test, nbd_spare());
}

static void spin_end(struct task_struct **spinners)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (!IS_ERR_OR_NULL(spinners[cpu]))
			kthread_stop(spinners[cpu]);
}

/* The host may have taken a moment away from us: that is not their silence. */
static struct nbd_conn *pick(struct slots *s)
{
	all_answered(s);
	return nbd_queue_pick(&s->config, 2);
}

/* Forty commands that any connection would answer soon, two being no crowd. */
static void expect_no_crowd(struct kunit *test, struct slots *s)
{
	unsigned int i;

	for (i = 0; i < 40; i++)
		atomic_inc(&pick(s)->in_flight);
	for (i = 0; i < CONNECTIONS; i++)
		KUNIT_EXPECT_EQ(test, i < 2 ? 20 : 0,
				atomic_read(&s->conns[i]->in_flight));
	/* The next one stands in for one that is gone. */
	atomic_set(&s->conns[0]->state, NBD_CONN_DOWN);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[2], pick(s));
	atomic_set(&s->conns[2]->in_flight, 21);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[1], pick(s));
	atomic_set(&s->conns[0]->state, NBD_CONN_LIVE);
	atomic_set(&s->conns[2]->in_flight, 0);
}

/* As many are used as are needed, if a command would wait for long. */
static void expect_all(struct kunit *test, struct slots *s)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		atomic_set(&s->conns[i]->lengthy, 1);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[2], pick(s));
	for (i = 0; i < 2; i++) {
		atomic_set(&s->conns[i]->lengthy, 0);
		s->conns[i]->service = 5 * NSEC_PER_MSEC;
	}
	KUNIT_EXPECT_PTR_EQ(test, s->conns[2], pick(s));
	/* Or nobody knows for how long, */
	for (i = 0; i < 2; i++)
		s->conns[i]->service = 0;
	KUNIT_EXPECT_PTR_EQ(test, s->conns[2], pick(s));
	/* or there is no sign of life. */
	for (i = 0; i < 2; i++) {
		s->conns[i]->service = 1;
		s->conns[i]->progress_at = local_clock() - NSEC_PER_SEC;
	}
	KUNIT_EXPECT_PTR_EQ(test, s->conns[3], nbd_queue_pick(&s->config, 3));
}

static void a_crowd_is_no_help(struct kunit *test)
{
	struct task_struct **spinners = kunit_kcalloc(test, nr_cpu_ids,
						      sizeof(*spinners),
						      GFP_KERNEL);
	struct slots *s = make(test);

	KUNIT_ASSERT_NOT_NULL(test, spinners);
	all_serve_in(s, 2 * NSEC_PER_MSEC);
	s->config.spread = NSEC_PER_MSEC;
	s->config.crowd = 2;
	spin_begin(test, spinners);
	expect_no_crowd(test, s);
	expect_all(test, s);
	spin_end(spinners);
}

static void more_than_processors_are_a_crowd(struct kunit *test)
{
	unsigned int cpus = num_online_cpus();
	struct slots *s = make(test);
	unsigned int i;

	for (i = 0; i < CONNECTIONS; i++)
		s->conns[i]->local = true;
	nbd_route_setup(&s->config);
	KUNIT_EXPECT_EQ(test, CONNECTIONS > cpus ? cpus : 0, s->config.crowd);
	s->config.nr_conns = 1;
	nbd_route_setup(&s->config);
	KUNIT_EXPECT_EQ(test, 0U, s->config.crowd);
	/* What another machine's processors do is not known. */
	s->config.nr_conns = CONNECTIONS;
	s->conns[2]->local = false;
	nbd_route_setup(&s->config);
	KUNIT_EXPECT_EQ(test, 0U, s->config.crowd);
}

static void idle_processors_are_spare(struct kunit *test)
{
	struct slots *s = make(test);

	nbd_spare();
	msleep(200);
	KUNIT_EXPECT_TRUE(test, nbd_spare());
	s->config.crowd = 2;
	expect_even(test, s);
}

static void the_service_time_is_learnt(struct kunit *test)
{
	struct slots *s = make(test);
	struct nbd_conn *conn = s->conns[0];
	unsigned int i;

	conn->progress_at = 1000000;
	nbd_route_served(conn, 4, NSEC_PER_SEC, 1400000);
	KUNIT_EXPECT_EQ(test, 100000U, conn->service);
	for (i = 1; i <= 100; i++)
		nbd_route_served(conn, 1, NSEC_PER_SEC,
				 1400000 + i * 5000);
	KUNIT_EXPECT_LT(test, conn->service, 5100U);
	KUNIT_EXPECT_GE(test, conn->service, 4990U);
	/* A clock that goes back does no harm. */
	nbd_route_served(conn, 1, NSEC_PER_SEC, 0);
	KUNIT_EXPECT_GT(test, conn->service, 0U);
}

/* It was busy with a trim for long when a read came, and answered that at once. */
static void what_went_before_does_not_count(struct kunit *test)
{
	struct slots *s = make(test);
	struct nbd_conn *conn = s->conns[0];
	struct nbd_cmd *cmd = kunit_kzalloc(test, sizeof(*cmd), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cmd);
	cmd->type = NBD_CMD_READ;
	cmd->sent_at = jiffies;
	conn->progress_at = local_clock() - NSEC_PER_SEC;
	nbd_route_answered(&s->config, conn, &cmd->node);
	KUNIT_EXPECT_NE(test, 0U, conn->service);
	KUNIT_EXPECT_LT(test, conn->service, NSEC_PER_SEC / 2);
}

static void answers(struct slots *s, unsigned int i, u32 service,
		    unsigned long age)
{
	s->conns[i]->service = service;
	nbd_route_learn(&s->config, s->conns[i], age);
}

static void a_slow_one_is_avoided(struct kunit *test)
{
	struct slots *s = make(test);
	unsigned int i;

	for (i = 1; i < CONNECTIONS; i++)
		answers(s, i, NSEC_PER_MSEC, 1);
	answers(s, 0, 50 * NSEC_PER_MSEC, 50);
	atomic_set(&s->conns[1]->in_flight, 2);
	atomic_set(&s->conns[2]->in_flight, 9);
	atomic_set(&s->conns[3]->in_flight, 9);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[1], nbd_queue_pick(&s->config, 0));
	/* Better than none. */
	for (i = 1; i < CONNECTIONS; i++)
		atomic_set(&s->conns[i]->state, NBD_CONN_DOWN);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[0], nbd_queue_pick(&s->config, 0));
}

/* For as long as its answer took, not for many times that: it may be no slower. */
static void who_never_answered_is_tried(struct kunit *test)
{
	struct slots *s = make(test);
	unsigned long now = jiffies;

	answers(s, 0, 50 * NSEC_PER_MSEC, HZ);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[1], nbd_queue_pick(&s->config, 0));
	KUNIT_EXPECT_LE(test, s->conns[0]->avoid_until, now + HZ + HZ / 2);
	/* They have their requests, and nothing is known of them yet. */
	atomic_set(&s->conns[1]->in_flight, 1);
	atomic_set(&s->conns[2]->in_flight, 1);
	atomic_set(&s->conns[3]->in_flight, 1);
	s->conns[0]->avoid_until = jiffies;
	answers(s, 0, 50 * NSEC_PER_MSEC, HZ);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[0], nbd_queue_pick(&s->config, 0));
}

/* Only its latency is known: that is not enough to avoid another one for it. */
static void half_known_is_not_faster(struct kunit *test)
{
	struct slots *s = make(test);
	unsigned int i;

	for (i = 1; i < CONNECTIONS; i++) {
		answers(s, i, 0, 1);
		atomic_set(&s->conns[i]->in_flight, 1);
	}
	answers(s, 0, 50 * NSEC_PER_MSEC, HZ);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[0], nbd_queue_pick(&s->config, 0));
}

/* It served many, one after the other, or few where others had many at once. */
static void who_had_more_to_do_is_not_slow(struct kunit *test)
{
	struct slots *s = make(test);
	unsigned int i;

	for (i = 1; i < CONNECTIONS; i++)
		answers(s, i, 20 * NSEC_PER_MSEC, 5);
	answers(s, 0, 20 * NSEC_PER_MSEC, 50);
	for (i = 1; i < CONNECTIONS; i++)
		answers(s, i, 2 * NSEC_PER_MSEC, 50);
	answers(s, 0, 20 * NSEC_PER_MSEC, 50);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[0], nbd_queue_pick(&s->config, 0));
}

/* Of all that was answered, only what tells how fast a connection is. */
static void flushes_say_nothing(struct kunit *test)
{
	struct slots *s = make(test);
	struct nbd_conn *conn = s->conns[0];
	struct nbd_cmd *cmds = kunit_kcalloc(test, 4, sizeof(*cmds), GFP_KERNEL);
	static const u32 types[] = {
		NBD_CMD_FLUSH, NBD_CMD_TRIM,
		NBD_CMD_WRITE_ZEROES | NBD_CMD_FLAG_NO_HOLE,
		NBD_CMD_WRITE | NBD_CMD_FLAG_FUA,
	};
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, cmds);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		cmds[i].type = types[i];
		cmds[i].sent_at = jiffies - HZ;
	}
	cmds[0].node.next = &cmds[1].node;
	cmds[1].node.next = &cmds[2].node;
	conn->progress_at = 0;
	nbd_route_answered(&s->config, conn, &cmds[0].node);
	KUNIT_EXPECT_EQ(test, 0U, conn->latency);
	KUNIT_EXPECT_EQ(test, 0U, conn->service);
	KUNIT_EXPECT_NE(test, 0ULL, conn->progress_at);
	KUNIT_EXPECT_PTR_EQ(test, conn, nbd_queue_pick(&s->config, 0));
	/* A write that came with them, and one alone. */
	cmds[2].node.next = &cmds[3].node;
	nbd_route_answered(&s->config, conn, &cmds[0].node);
	KUNIT_EXPECT_NE(test, 0U, conn->latency);
	KUNIT_EXPECT_EQ(test, 0U, conn->service);
	conn->avoid_until = jiffies;
	nbd_route_answered(&s->config, conn, &cmds[3].node);
	KUNIT_EXPECT_NE(test, 0U, conn->service);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[1], nbd_queue_pick(&s->config, 0));
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
	KUNIT_CASE(what_is_fast_stays_together),
	KUNIT_CASE(nothing_follows_a_flush),
	KUNIT_CASE(what_is_slow_spreads),
	KUNIT_CASE(what_stalls_gets_no_more),
	KUNIT_CASE(not_beyond_the_depth),
	KUNIT_CASE(a_crowd_is_no_help),
	KUNIT_CASE(more_than_processors_are_a_crowd),
	KUNIT_CASE(idle_processors_are_spare),
	KUNIT_CASE(the_service_time_is_learnt),
	KUNIT_CASE(what_went_before_does_not_count),
	KUNIT_CASE(half_known_is_not_faster),
	KUNIT_CASE(a_slow_one_is_avoided),
	KUNIT_CASE(who_never_answered_is_tried),
	KUNIT_CASE(who_had_more_to_do_is_not_slow),
	KUNIT_CASE(flushes_say_nothing),
	KUNIT_CASE(all_slow_is_none_slow),
	{ }
};

static struct kunit_suite suite = {
	.name = "nbd-route",
	.test_cases = cases,
};

kunit_test_suite(suite);
