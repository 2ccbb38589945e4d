#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A read of 32 MiB a second in the background, small ones beside it, and a server
# that works on one request at a time for each connection: four connections keep
# the small ones from waiting for the large one to be over.
# timeout: 120
# cpus: 2
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio jq python3
no_ratios_here
# 4 ms for each 512 KiB of a request, 256 ms for the large one.
start_nbdkit unix --filter=noparallel --filter=blocksize --filter=delay \
	memory 64M serialize=requests maxdata=512K rdelay=$((4 * slow))ms
large_reads()
{
	exec python3 - "$dev" 33554432 <<-'END'
		import mmap, os, sys, time
		size = int(sys.argv[2])
		buffer = mmap.mmap(-1, size)
		buffer.write(b"x" * size)
		fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
		while True:
		    time.sleep(1)
		    if os.preadv(fd, [buffer], 0) != size:
		        sys.exit("a short read")
	END
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
