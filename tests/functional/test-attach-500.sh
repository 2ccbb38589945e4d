#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 500 devices at the same time: all are attached, listed and detached, and the
# last ones take no longer than the first. Fewer on a debug kernel.
# timeout: 240
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit jq
count=500 part=50
[ ! -e /proc/lockdep_stats ] || count=40 part=10
start_nbdkit unix memory 16M
# attach_to END: from where it was; sets spent, in ms.
n=0
attach_to()
{
	local start=${EPOCHREALTIME/./}

	for (( ; n < $1; n++)); do
		nbdctl attach "$uri" >>"$T/devices" 2>"$T/err" ||
			fail "device $n: $(cat "$T/err")"
	done
	spent=$(((${EPOCHREALTIME/./} - start) / 1000))
}
attach_to $part
first=$spent
attach_to $((count - part))
attach_to $count
say "the first $part in $first ms, the last $part of $count in $spent ms"
[ "$(sort -u "$T/devices" | wc -l)" = $count ] || fail "a device twice"
[ "$(nbdctl list --json | jq '[.devices[] | select(.state == "live")] | length')" = $count ] ||
	fail "nbdctl list: $(nbdctl list | wc -l) lines"
dd if="$(tail -n 1 "$T/devices")" of=/dev/null bs=4k count=1 iflag=direct \
	status=none || fail "the last device cannot be read"
start=${EPOCHREALTIME/./}
nbdctl detach --all 2>"$T/err" || fail "detach: $(cat "$T/err")"
say "detached in $(((${EPOCHREALTIME/./} - start) / 1000)) ms"
nothing_left
[ "$spent" -le $((first * 2 + 1000)) ] ||
	fail "attaching slows down: $first ms, then $spent ms"
