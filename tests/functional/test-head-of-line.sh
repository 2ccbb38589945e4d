#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Large reads in the background, small ones beside them, and a server that works
# on one request at a time for each connection: four connections keep the
# small ones from waiting for a large one to be over.
# timeout: 120
# cpus: 2
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio jq
no_ratios_here
# 4 ms for each 64 KiB of a request.
start_nbdkit unix --filter=noparallel --filter=blocksize --filter=delay \
	memory 64M serialize=requests maxdata=64K rdelay=$((4 * slow))ms
large_reads()
{
	while sleep 1; do
		dd if="$dev" of=/dev/null bs=4M count=1 iflag=direct \
			status=none || break
	done
}
# small_reads CONNECTIONS: sets p99, in ms. They come at a fixed rate, or few
# would come while they wait.
small_reads()
{
	local large

	attach -C "$1" --no-partscan "$uri"
	large_reads &
	large=$!
	fio --name=small --filename="$dev" --rw=randread --bs=4k --size=64M \
		--ioengine=libaio --iodepth=32 --rate_iops=$((40 / slow)) \
		--direct=1 --time_based --runtime=$((6 * slow)) \
		--output-format=json --output="$T/fio.json" ||
		fail "fio: status $?"
	kill "$large"
	wait "$large" || true
	p99=$(jq '.jobs[0].read.clat_ns.percentile["99.000000"] / 1000000 |
		floor' "$T/fio.json")
	say "$1 connections: 99 % of the small reads within $p99 ms"
	wait_for 10 detach_quietly || fail "cannot detach"
}
detach_quietly()
{
	nbdctl detach "$dev"
}
for ((try = 1; ; try++)); do
	small_reads 1
	one=$p99
	small_reads 4
	[ $((p99 * 3)) -gt $((one * 2)) ] || break
	[ $try -lt 3 ] || fail "$p99 ms with 4 connections, $one ms with one"
done
