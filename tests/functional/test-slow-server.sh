#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A slow server is not a dead one: requests that wait in it for longer than
# --timeout in sum, but not one by one, all succeed, and so does zeroing or trimming
# much at once, for which there is a second more for each 16 MiB, a flush after much was
# written, and what waits behind.
# Nor is a slow network a dead server.
# timeout: 300
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio blkdiscard sfdisk tc
# Seconds are long even for a slow kernel.
pace=$(((slow + 1) / 2))
start_nbdkit unix --filter=noparallel --filter=delay memory 16M \
	serialize=requests rdelay=400ms
attach --timeout 3 --no-partscan "$uri"
# 16 at once, one at a time: the last waits for 6.4 s.
fio --name=slow --filename="$dev" --rw=randread --bs=4k --size=16M \
	--number_ios=16 --ioengine=libaio --iodepth=16 --direct=1 \
	--output="$T/fio.log" || fail "a request was given up"
expect_field "$dev" '[.connections[].failures] | add' 0
detach "$dev"
kill_server "$server_pid"

start_nbdkit unix --filter=delay memory 256M delay-zero=6 delay-trim=6
attach --timeout 3 --no-partscan "$uri"
for how in -z ''; do
	took expect_status 0 blkdiscard $how "$dev"
	[ "$seconds" -ge 5 ] || fail "blkdiscard $how took $seconds s only"
done
expect_field "$dev" '[.connections[].failures] | add' 0
# There is none for what is small.
took expect_status 1 blkdiscard -z -l 64K "$dev"
expect_field "$dev" '[.connections[].failures] | add' 1
detach --force "$dev"
kill_server "$server_pid"

# What is behind one that may take long has as much, and no more when that is over; also
# if the server serves all connections one after the other.
behind()
{
	local serialize=$1 connections=$2

	start_nbdkit unix --filter=noparallel --filter=delay memory 1G \
		"serialize=$serialize" delay-trim=$((4 * pace)) rdelay=0
	attach -C "$connections" --timeout $((2 * pace)) "$uri"
	# On the same node the ioctl would keep the read from being sent.
	echo 'start=2048' | sfdisk -q "$dev" 2>"$T/sfdisk.log" || fail "sfdisk"
	blkdiscard "${dev}p1" 2>"$T/blkdiscard.log" &
	trimming=$!
	sleep 1
	took expect_status 0 dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct \
		status=none
	[ "$seconds" -ge $((2 * pace)) ] || fail "the read did not wait, it took $seconds s"
	wait $trimming || fail "blkdiscard: $(cat "$T/blkdiscard.log")"
	expect_field "$dev" '[.connections[].failures] | add' 0
}
behind all-requests 2
detach "$dev"
kill_server "$server_pid"
behind requests 1
kill -STOP "$server_pid"
took expect_status 1 dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct status=none
[ "$seconds" -le $((8 * slow)) ] || fail "a stopped server has $seconds s"
detach --force "$dev"

# A flush is about what was written since the last one.
start_errors unix $((48 * pace))
attach --timeout $((2 * pace)) --no-partscan "$uri"
dd if=/dev/zero of="$dev" bs=1M count=$((48 * pace)) oflag=direct status=none ||
	fail "dd"
echo "flush 0 $((3 * pace))" >"$rules"
took expect_status 0 sync "$dev"
[ "$seconds" -ge $((3 * pace - 1)) ] || fail "the flush took $seconds s only"
expect_field "$dev" '[.connections[].failures] | add' 0
echo "flush 0 $((8 * pace))" >"$rules"
took expect_status 1 sync "$dev"
expect_field "$dev" '[.connections[].failures] | add' 1
detach --force "$dev"
kill_server "$server_pid"

# A large answer over a slow network: that some of it has arrived is progress.
start_nbdkit tcp memory 64M
attach --timeout $((2 * pace)) --no-partscan "$uri"
if ! tc qdisc add dev lo root netem rate 8mbit limit 20000; then
	skip "no netem in this kernel for the last of it"
fi
at_exit tc qdisc del dev lo root
took expect_status 0 dd if="$dev" of=/dev/null bs=$((4 * pace))M count=1 iflag=direct \
	status=none
[ "$seconds" -ge $((3 * pace)) ] || fail "the network is not slow: $seconds s"
expect_field "$dev" '[.connections[].failures] | add' 0
