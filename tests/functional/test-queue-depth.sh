#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# --queue-depth is how many requests a connection carries, and the server sees
# that many at once and no more.
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio
start_nbdkit unix -t 64 --filter=delay memory 16M rdelay=$((2 * slow))
exactly()
{
	[ "$(field "$dev" '.connections[0].in_flight')" = "$1" ]
}
for depth in 4 32; do
	attach --queue-depth $depth --no-partscan "$uri"
	fio --name=deep --filename="$dev" --rw=randread --bs=4k --size=16M \
		--number_ios=64 --ioengine=libaio --iodepth=64 --direct=1 \
		--output="$T/fio.log" &
	fio=$!
	wait_for 20 exactly $depth ||
		fail "$(field "$dev" '.connections[0].in_flight') in flight, not $depth"
	kill -INT $fio
	wait $fio || true
	detach --force "$dev"
done
