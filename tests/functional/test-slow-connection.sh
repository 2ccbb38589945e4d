#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One connection of four has a slow path: others carry the requests, of one
# that comes at a time as well as of many at once; the slow one is tried
# again now and then.
# timeout: 120
# cpus: 2
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio jq
no_ratios_here
start_nbdkit unix -t 16 --filter=delay memory 64M rdelay=2ms
start_captive unix "slow:$((200 * slow)):$sock"
attach -C 4 --no-partscan "$uri"
# reads DEPTH COUNT: sets median and rate.
reads()
{
	fio --name=reads --filename="$dev" --rw=randread --bs=4k --size=64M \
		--ioengine=libaio --iodepth="$1" --direct=1 --number_ios="$2" \
		--cpus_allowed=0 --output-format=json --output="$T/fio.json" ||
		fail "fio: status $?"
	rate=$(jq '.jobs[0].read.iops | floor' "$T/fio.json")
	say "depth $1: $rate IOPS," \
		"99 % in $(jq '.jobs[0].read.clat_ns.percentile["99.000000"] / 1000000' "$T/fio.json") ms," \
		"connections carried $(field "$dev" '[.connections[].requests] | @csv')"
}
reads 1 300
# On the slow one alone it would be 5.
[ "$rate" -ge $((20 / slow)) ] || fail "one at a time: $rate IOPS"
reads 16 1500
[ "$rate" -ge $((100 / slow)) ] || fail "many at once: $rate IOPS"
carried=$(field "$dev" '.connections[0].requests')
[ "$carried" -gt 0 ] || fail "the slow connection was never tried"
[ "$carried" -le 300 ] || fail "the slow connection carried $carried"
detach "$dev"
