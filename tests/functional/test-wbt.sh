#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# attach switches write-back throttling off, so that writes of the page cache
# are as deep in flight as the server can use although it takes 50 ms for each
# read; status shows what it is set to.
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio
latency()
{
	nbdctl status --json "$dev" >"$T/status"
	jq -r '.devices[0] | if has("wbt_lat_usec") then .wbt_lat_usec
		else "missing" end' "$T/status"
}

start_nbdkit unix -t 64 --filter=delay memory 64M rdelay=50ms wdelay=50ms
attach --no-partscan "$uri"
if ! cat /sys/block/nbd0/queue/wbt_lat_usec >/dev/null 2>&1; then
	[ "$(latency)" = null ] || fail "status: $(latency) without throttling"
	skip "a kernel without write-back throttling"
fi
expect_queue wbt_lat_usec 0
[ "$(latency)" = 0 ] || fail "status: $(latency)"
nbdctl status "$dev" | grep -q 'wbt latency *0 us' || fail "text: no latency"

# Writers that throttling would hold back, for reads are slow beside them.
fio --name=read --filename="$dev" --rw=randread --bs=4k --direct=1 \
	--ioengine=libaio --iodepth=1 --time_based --runtime=600 \
	--eta=never --output="$T/read.log" &
reader=$!
fio --name=write --filename="$dev" --rw=randwrite --bs=4k --size=64M \
	--ioengine=psync --time_based --runtime=600 --fsync=512 \
	--eta=never --output="$T/write.log" &
writer=$!
wait_for 30 in_flight 60 || fail "never 60 writes in flight"
kill -INT $reader $writer
wait $reader $writer || true

# What somebody else chose is shown, and holds until the next attach.
echo 5000 >"/sys/block/$name/queue/wbt_lat_usec"
[ "$(latency)" = 5000 ] || fail "status: $(latency), not 5000"
detach --force "$dev"
attach --no-partscan "$uri" nbd0
expect_queue wbt_lat_usec 0
detach "$dev"
