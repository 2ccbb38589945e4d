// SPDX-License-Identifier: GPL-2.0-or-later
/* What status says is to be done about a device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nbd-netlink.h>

#include "advice.h"

static const char monitored[] =
	"see that nbdctl monitor runs, it connects again; or nbdctl reconnect nbd3";
static const char parked[] =
	"nbdctl reconnect nbd3; to give up what waits, nbdctl detach --force nbd3";
static const char dead[] =
	"unmount, nbdctl reconnect nbd3, check the file system; or nbdctl detach --force nbd3";
static const char theirs[] =
	"when it can be spared detach it and attach it again";
static const char theirs_parked[] =
	"its program may connect it again; to give up what waits, nbdctl detach --force nbd3";
static const char theirs_dead[] =
	"unmount, nbdctl detach --force nbd3, attach it again, check the file system";

static char backend[16] = "nbd://server/";
static char cookie[16] = "cookie-17";
static struct nl_conn conns[2] = {
	{ .state = NBD_CONN_LIVE }, { .state = NBD_CONN_LIVE },
};

static struct nl_device device(u32 state)
{
	conns[0].state = NBD_CONN_LIVE;
	conns[1].state = NBD_CONN_LIVE;
	return (struct nl_device){
		.index = 3, .state = state, .backend = backend,
		.conns = conns, .nr_conns = 2,
	};
}

static void expect(const struct nl_device *d, const char *text)
{
	char advice[256];

	assert_true(advice_on(d, false, advice, sizeof(advice)));
	assert_string_equal(advice, text);
}

static void nothing_is_wrong(void **state)
{
	struct nl_device d = device(NBD_STATE_LIVE);
	char advice[4] = "-";

	(void)state;
	assert_false(advice_on(&d, false, advice, sizeof(advice)));
	assert_string_equal(advice, "-");
	d.state = NBD_STATE_CONNECTING;
	assert_false(advice_on(&d, false, advice, sizeof(advice)));
}

static void another_program_attached_it(void **state)
{
	struct nl_device d = device(NBD_STATE_LIVE);

	(void)state;
	d.backend = cookie;
	conns[1].state = NBD_CONN_DOWN;
	expect(&d, theirs);
	d.backend = NULL;
	expect(&d, theirs);
	d.state = NBD_STATE_PARKED;
	expect(&d, theirs_parked);
	/* It could not be connected while it is attached. */
	d.state = NBD_STATE_DEAD;
	expect(&d, theirs_dead);
}

static void connections_are_down(void **state)
{
	struct nl_device d = device(NBD_STATE_LIVE);

	(void)state;
	conns[1].state = NBD_CONN_DOWN;
	expect(&d, "nbdctl reconnect nbd3");
	d.attach_flags = NBD_ATTACH_PERSIST;
	expect(&d, monitored);
	/* Nobody but that program knows where its server is. */
	d.backend = NULL;
	expect(&d, theirs);
}

static void none_is_left(void **state)
{
	struct nl_device d = device(NBD_STATE_PARKED);

	(void)state;
	expect(&d, parked);
	d.state = NBD_STATE_DEAD;
	expect(&d, dead);
}

/* Nothing that ends the machine. */
static void the_root_file_system_is_on_it(void **state)
{
	struct nl_device d = device(NBD_STATE_PARKED);
	char advice[256];

	(void)state;
	assert_true(advice_on(&d, true, advice, sizeof(advice)));
	assert_string_equal(advice, "nbdctl reconnect nbd3");
	d.state = NBD_STATE_DEAD;
	assert_true(advice_on(&d, true, advice, sizeof(advice)));
	assert_string_equal(advice,
			    "nbdctl reconnect nbd3, restart the machine");
}

static void it_is_still_open(void **state)
{
	struct nl_device d = device(NBD_STATE_DISCONNECTING);

	(void)state;
	expect(&d, "unmount or close what has it open, then it is free");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_wrong),
		cmocka_unit_test(another_program_attached_it),
		cmocka_unit_test(connections_are_down),
		cmocka_unit_test(none_is_left),
		cmocka_unit_test(the_root_file_system_is_on_it),
		cmocka_unit_test(it_is_still_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
