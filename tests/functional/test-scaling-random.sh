#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that takes 20 ms for a request and serves one at a time on each
# connection: with N connections a single thread on one CPU reads at random N
# times as fast as with one.
# timeout: 120
# cpus: 2
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio jq
no_ratios_here
start_nbdkit unix --filter=noparallel --filter=delay memory 64M \
	serialize=requests rdelay=$((20 * slow))ms
# iops CONNECTIONS: sets rate, in thousandths.
iops()
{
	attach -C "$1" --no-partscan "$uri"
	fio --name=random --filename="$dev" --rw=randread --bs=4k --size=64M \
		--ioengine=libaio --iodepth=64 --direct=1 --cpus_allowed=0 \
		--number_ios=$((60 * $1)) --output-format=json \
		--output="$T/fio.json" || fail "fio: status $?"
	rate=$(jq '.jobs[0].read.iops * 1000 | floor' "$T/fio.json")
	detach "$dev"
}
iops 1
one=$rate
say "1 connection: $((one / 1000)) IOPS"
for n in 2 4 8 16; do
	# Whatever else the machine does must not fail it.
	for try in 1 2 3; do
		iops $n
		say "$n connections: $((rate / 1000)) IOPS," \
			"$((rate * 100 / one / n)) % of $n times one"
		! scales $n "$one" "$rate" 80 || break
		[ $try -lt 3 ] || fail "$n connections do not scale"
	done
done
