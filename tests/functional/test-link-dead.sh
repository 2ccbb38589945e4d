#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The event about a connection that has died is what a program for the kernel's own
# driver expects, word for word, and there is none when a device is detached.
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit nbd-client python3
listen()
{
	/usr/bin/python3 "$(dirname "$0")/../servers/nbd-events" >"$T/$1" 2>&1 &
	listener=$!
	wait_for 20 grep -q ready "$T/$1" || fail "nobody listens: $(cat "$T/$1")"
}
heard()
{
	grep -q '^command' "$T/$1"
}
# events NAME: what is heard when a device is detached, and when the server of another
# dies.
events()
{
	listen "$1"
	start_nbdkit unix memory 1M
	for last in '' yes; do
		timeout $((30 * slow)) nbd-client -unix "$sock" /dev/nbd3 \
			>"$T/nbd-client.log" 2>&1 || fail "$1: nbd-client: status $?"
		wait_for 10 attached nbd3 || fail "$1: not attached"
		[ -z "$last" ] || kill -9 "$server_pid"
		[ -z "$last" ] || wait_for 10 heard "$1" || fail "$1: nothing was said: $(cat "$T/$1")"
		timeout $((30 * slow)) nbd-client -d /dev/nbd3 >"$T/nbd-client.log" 2>&1 ||
			fail "$1: nbd-client -d: status $?"
		wait_for 10 not_attached nbd3 || fail "$1: still attached"
	done
	kill "$listener"
	wait "$listener" || true
}
events ours
[ "$(grep -c '^command' "$T/ours")" = 1 ] || fail "ours: $(cat "$T/ours")"
unload_module
modprobe --ignore-install nbd || skip "no stock module"
events stock
rmmod nbd
load_module
cmp "$T/ours" "$T/stock" || fail "ours: $(cat "$T/ours"), stock: $(cat "$T/stock")"
