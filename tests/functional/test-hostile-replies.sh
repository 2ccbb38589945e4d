#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever a server answers, the reader gets the right data or an error, the connection
# goes, and the device can be attached again. See tests/servers/hostile for what it
# answers.
# timeout: 240
# leaks: yes
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires python3 fio
rules=$T/rules
# block N: what dd reads of it, by its hash, into $T/out; dd's status.
block()
{
	timeout $((30 * slow)) dd if="$dev" of="$T/block" bs=4k skip="$1" \
		count=1 iflag=direct status=none 2>"$T/err"
}
# is_right N: what block read.
is_right()
{
	[ "$(tr -d "\\$(printf %o "$1")" <"$T/block" | wc -c)" = 0 ] &&
		[ "$(wc -c <"$T/block")" = 4096 ]
}
# Looked at often, hence without jq.
dead()
{
	nbdctl list | grep -q "^$name .* dead"
}
# meets HOW data|error: a read in the second half, over one connection.
meets()
{
	echo "$1" >"$rules"
	attach --no-partscan --timeout $((2 * slow)) "$uri"
	block 7 || fail "$1: cannot read the first half: $(cat "$T/err")"
	is_right 7 || fail "$1: wrong data in the first half"
	if block 200; then
		is_right 200 || fail "$1: wrong data"
		[ "$2" = data ] || fail "$1: the read succeeded"
	else
		grep -q 'Input/output error' "$T/err" ||
			fail "$1: not EIO: $(cat "$T/err")"
		[ "$2" = error ] || fail "$1: the read failed"
	fi
	wait_for 10 dead || fail "$1: the device is $(field "$dev" .state)"
	timeout $((20 * slow)) nbdctl detach --force "$dev" 2>"$T/err" ||
		fail "$1: cannot detach: $(cat "$T/err")"
}
# flood: nothing but errors for a while, and the log stays short.
flood()
{
	local lines

	echo errors >"$rules"
	attach --no-partscan "$uri"
	lines=$(dmesg | wc -l)
	fio --name=flood --filename="$dev" --rw=randread --bs=4k --offset=512k \
		--size=512k --time_based --runtime=$((3 * slow)) \
		--ioengine=libaio --iodepth=16 --direct=1 \
		--continue_on_error=read --output="$T/fio.log" ||
		true
	[ "$(field "$dev" '.connections[0].errors')" -ge 100 ] ||
		fail "only $(field "$dev" '.connections[0].errors') errors"
	lines=$(($(dmesg | wc -l) - lines))
	say "$(field "$dev" ".connections[0].errors") errors: $lines lines in the log"
	[ $lines -lt 60 ] || fail "$lines lines in the log"
	block 7 || fail "cannot read after errors"
	detach "$dev"
}
for transport in tcp unix; do
	echo nothing >"$rules"
	start_scripted hostile $transport "$rules"
	for how in magic cookie early error+data short stall cut:15 cut:16; do
		meets $how error
	done
	meets double data
	meets long data
done
# What does not depend on how it is received.
for how in structured zero old next queue tag cut:0 cut:4111; do
	meets $how error
done
flood
# The reply goes over the other connection, which is lost by that; the first one gives
# the command up, and none is left.
echo foreign >"$rules"
attach -C 2 --no-partscan --timeout $((2 * slow)) "$uri"
! block 200 || fail "foreign: the read succeeded"
timeout $((20 * slow)) nbdctl detach --force "$dev"
