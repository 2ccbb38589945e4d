// SPDX-License-Identifier: GPL-2.0-or-later
/* Words that both output formats use. */
#include <linux/nbd-netlink.h>

#include "print.h"

static const char * const states[] = {
	[NBD_STATE_IDLE]		= "idle",
	[NBD_STATE_CONNECTING]		= "connecting",
	[NBD_STATE_LIVE]		= "live",
	[NBD_STATE_PARKED]		= "parked",
	[NBD_STATE_DEAD]		= "dead",
	[NBD_STATE_DISCONNECTING]	= "disconnecting",
};

static const char * const conn_states[] = {
	[NBD_CONN_DOWN]		= "down",
	[NBD_CONN_LIVE]		= "live",
	[NBD_CONN_FAILING]	= "failing",
};

static const char * const zeroes[] = {
	[NBD_ZEROES_AUTO]	= "auto",
	[NBD_ZEROES_FAST]	= "fast",
	[NBD_ZEROES_SLOW]	= "slow",
	[NBD_ZEROES_OFF]	= "off",
};

/**
 * print_state - word for a device's state
 * @state: NBD_STATE_*
 *
 * Return: the word.
 */
const char *print_state(u32 state)
{
	return state < ARRAY_SIZE(states) ? states[state] : "unknown";
}

/**
 * print_conn_state - word for a connection's state
 * @state: NBD_CONN_*
 *
 * Return: the word.
 */
const char *print_conn_state(u32 state)
{
	return state < ARRAY_SIZE(conn_states) ? conn_states[state] :
	       "unknown";
}

/**
 * print_zeroes - word for when a server is asked to zero
 * @mode: NBD_ZEROES_*
 *
 * Return: the word, which is also that of the command line.
 */
const char *print_zeroes(u32 mode)
{
	return mode < ARRAY_SIZE(zeroes) ? zeroes[mode] : "unknown";
}
