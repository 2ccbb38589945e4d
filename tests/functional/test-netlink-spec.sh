#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Documentation/netlink/specs/nbd.yaml says what the header says and what the running
# driver does: numbers, types, commands, the group, and what GET answers.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit python3
top=$(dirname "$0")/../..
start_nbdkit unix memory 16M
attach -C 2 "$uri" nbd0
# It is said only of a device that was moved.
ln -s "$sock" "$T/moved"
expect_status 0 nbdctl reconnect --replace "$dev" "nbd+unix:///?socket=$T/moved"
/usr/bin/python3 "$top/tests/servers/netlink-spec" \
	"$top/Documentation/netlink/specs/nbd.yaml" \
	"$top/uapi/linux/nbd-netlink.h" 0 >"$T/out" 2>"$T/err" ||
	fail "$(cat "$T/out" "$T/err")"
detach "$dev"

[ -n "${NBD_TOOLS:-}" ] || skip "NBD_TOOLS, see tests/vm/kernel-tools, for the last of it"
start_nbdkit unix memory 16M
timeout $((120 * slow)) /usr/bin/python3 "$top/tests/servers/ynl-calls" "$NBD_TOOLS" \
	"$top/Documentation/netlink/specs/nbd.yaml" "$sock" >"$T/out" 2>"$T/err" ||
	fail "$(cat "$T/out" "$T/err")"
# It says what it did not expect, and goes on.
[ ! -s "$T/out" ] || fail "$(cat "$T/out")"
