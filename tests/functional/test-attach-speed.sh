#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sixteen connections take hardly longer to attach than one, because all
# negotiate at the same time: no longer than nbd-client takes on the same
# machine, and less than a third of it over a network with a latency of 40 ms.
# timeout: 150
# cpus: 2
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit nbd-client tc
no_ratios_here
# One thread for each connection: nbdkit's usual 16 would make 256 of them, and that
# alone takes longer than all else.
start_nbdkit tcp -t 1 memory 16M
# Microseconds of COMMAND.
timed()
{
	local start=${EPOCHREALTIME/./}

	"$@" >"$T/out" 2>"$T/err" || fail "$*: $(cat "$T/out" "$T/err")"
	echo $((${EPOCHREALTIME/./} - start))
}
# best NAME: the least of what is in $T/NAME; the others met something else.
best()
{
	sort -n "$T/$1" | head -n 1
}
# round: attach each way once, in turns, so that whatever else the machine does
# hits all of them; sets one, many and other, the best so far. Each time the number of
# connections is another one, which costs the kernel as much as all else: so all pay it.
round()
{
	local n

	for n in 1 16; do
		timed nbdctl attach -C $n "$uri" nbd0 >>"$T/nbdctl-$n"
		nbdctl detach nbd0
	done
	for n in 1 16; do
		timed nbd-client 127.0.0.1 "$port" /dev/nbd0 -C $n >>"$T/nbd-client-$n"
		nbd-client -d /dev/nbd0 >/dev/null
		wait_for 10 not_attached nbd0 || fail "nbd-client left nbd0"
	done
	one=$(best nbdctl-1)
	many=$(best nbdctl-16)
	other=$(best nbd-client-16)
}
# compare WHERE TIMES TENTHS: 16 connections must take no longer than TIMES as long
# as one, and than TENTHS tenths of what nbd-client takes. A busy machine gets more
# rounds.
compare()
{
	local i

	rm -f "$T"/nbdctl-* "$T"/nbd-client-*
	for ((i = 1; i <= 10; i++)); do
		round
		[ $i -lt 3 ] || [ "$many" -gt $((one * $2)) ] ||
			[ $((many * 10)) -gt $((other * $3)) ] || break
	done
	say "$1: 1 connection: $one us, 16: $many us;" \
		"nbd-client with 16: $other us"
	[ "$many" -le $((one * $2)) ] ||
		fail "16 connections take $((many * 100 / one)) % of the time of one"
	[ $((many * 10)) -le $((other * $3)) ] ||
		fail "nbd-client takes $((other * 100 / many)) % of the time"
}
compare "on this machine" 2 12

# Each packet takes 20 ms.
tc qdisc add dev lo root netem delay 20ms limit 10000 2>"$T/err" ||
	skip "no netem: $(cat "$T/err")"
at_exit tc qdisc del dev lo root
compare "over a network" 2 3
