#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A healthy server that is only slow is never given up: 4096 requests at once, of which
# it serves one every 20 ms, so that the last waits for three times as long as --timeout,
# and at the same time, elsewhere, zeroing 4 GiB, which takes twice as long as that.
# timeout: 240
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio blkdiscard
start_nbdkit unix memory 4G --filter=delay delay-zero=60
attach --no-partscan "$uri"
expect_field "$dev" .timeout 30
zeroed=$dev
blkdiscard -z "$zeroed" 2>"$T/blkdiscard.log" &
zeroing=$!

start_nbdkit tcp --filter=noparallel --filter=delay memory 32M \
	serialize=all-requests rdelay=20ms
attach -C 2 --queue-depth 4096 --no-partscan "$uri"
echo 4096 >"/sys/block/$name/queue/nr_requests"
took timeout $((200 * slow)) fio --name=slow --filename="$dev" --rw=read:4k --bs=4k \
	--size=32M --number_ios=4096 --ioengine=libaio --iodepth=4096 \
	--iodepth_batch_submit=4096 --direct=1 --output-format=json \
	--output="$T/fio.json" 2>"$T/fio.log" || fail "a read was given up: $(cat "$T/fio.log")"
most=$(jq '.jobs[0].read.clat_ns.max / 1000000000 | floor' "$T/fio.json")
say "4096 reads took $seconds s, one of them $most s"
[ "$most" -ge 70 ] || fail "no read took longer than $most s"
expect_field "$dev" '[.connections[].failures] | add' 0
detach "$dev"

wait $zeroing || fail "blkdiscard: $(cat "$T/blkdiscard.log")"
expect_field "$zeroed" '[.connections[].failures] | add' 0
detach "$zeroed"
