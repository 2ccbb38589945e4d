#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Thousands of mutated replies of every kind while requests are in flight over many
# connections: none may end a request wrongly, and each that breaks the protocol has to
# end its connection. See tests/replies/main.c. NBD_SEED repeats the choices of a run;
# `make soak` goes on to a million, divided by NBD_SOAK machines.
# timeout: 150
# soak: 43200 divided
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires make gcc pkg-config
top=$(cd "$(dirname "$0")/../.." && pwd)
make -s -C "$top/tests/replies" 2>"$T/err" ||
	fail "mutated-replies: $(cat "$T/err")"
# The slow kernel is the one that finds most.
how=(--seconds 30 --patience $((20 * slow)))
[ ! -e /proc/lockdep_stats ] || how=(--seconds 110 --patience 120)
replies=0
if [ -n "${NBD_SOAK:-}" ]; then
	replies=$(((1000000 + NBD_SOAK - 1) / NBD_SOAK))
	# Renewing many connections at once, few of them TCP, takes less time.
	how=(--seconds 42000 --replies "$replies" --patience 120 --connections 128
		--tcp 10)
fi
[ -z "${NBD_SEED:-}" ] || how+=(--seed "$NBD_SEED")
"$top/build/replies/mutated-replies" "${how[@]}" 2>&1 | tee "$T/replies.log" ||
	fail "$(tail -n 1 "$T/replies.log")"
nothing_attached
# A run that did nothing must not pass.
awk '/ended their connection$/ {
	kinds++
	lively = $1 == "error" || $1 == "split"
	if ($2 < 20 || $4 != (lively ? 0 : $2)) {
		print "FAIL: " $0
		bad = 1
	}
}
END { exit bad || kinds != 16 }' "$T/replies.log" || fail "too little was done"
[ $replies = 0 ] ||
	[ "$(sed -n 's/^mutated \([0-9]*\) .*/\1/p' "$T/replies.log")" -ge $replies ] ||
	fail "not $replies replies"
