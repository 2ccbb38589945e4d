#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Servers that cut their handshake short at any byte, get any byte of it wrong, stop in
# it, never come to its end, or offer each connection something else: attach fails in
# words and in time, and leaves nothing.
# timeout: 180
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires python3
# Greeting, export, block sizes, end.
length=$((18 + 20 + 12 + 20 + 14 + 20))
# Each run has others of them, a debug kernel fewer, and one that is in no hurry all.
step=$((slow > 1 ? 3 : 1))
[ ! -e /proc/lockdep_stats ] || step=5
at=$((RANDOM % step))
say "every $step bytes, from $at on"
rules=$T/rules
echo honest >"$rules"
start_scripted liar unix "$rules"
# lie HOW STATUS CONNECTIONS
lie()
{
	echo "$1" >"$rules"
	got=0
	timeout $((10 * slow)) nbdctl attach --no-partscan -C "$3" \
		--connect-timeout $((2 * slow)) "$uri" nbd0 \
		>"$T/out" 2>"$T/err" || got=$?
	# shellcheck disable=SC2053 # a pattern on purpose
	[[ $got == $2 ]] || fail "$1: status $got: $(cat "$T/err")"
	[ $got = 0 ] || [ "$(wc -l <"$T/err")" = 1 ] ||
		fail "$1: it said: $(cat "$T/err")"
	if [ $got = 0 ]; then
		nbdctl detach --force nbd0 || fail "$1: cannot be detached"
	fi
	not_attached nbd0 || fail "$1: nbd0 is attached"
}
declare -A ended=()
for ((n = at; n < length; n += step)); do
	lie "cut:$n" '[34]' 1
	lie "flip:$n" '[0345]' 1
	ended[$got]=$((${ended[$got]:-0} + 1))
done
lie "cut:$length" 0 1
lie honest 0 4
for status in "${!ended[@]}"; do
	say "a byte wrong: ${ended[$status]} times status $status"
done
[ "${ended[4]:-0}" -ge $((length / step / 3)) ] || fail "hardly any byte matters"
for n in 0 9 18 40 $((length - 1)); do
	took lie "stop:$n" 3 4
	grep -q 'timed out' "$T/err" || fail "stop:$n: it said: $(cat "$T/err")"
	[ "$seconds" -le $((6 * slow)) ] || fail "stop:$n: it took $seconds s"
done
for how in endless huge; do
	took lie $how 4 4
	say "$how: $(cat "$T/err")"
	[ "$seconds" -le $((6 * slow)) ] || fail "$how: it took $seconds s"
done
# A server of its own, since it counts its connections.
start_scripted liar unix "$rules"
lie unlike 4 16
grep -q 'offered different' "$T/err" || fail "unlike: it said: $(cat "$T/err")"
nothing_left
