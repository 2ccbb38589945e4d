#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# As scaling-random, for a reader in sequence through the page cache: read-ahead
# keeps all connections busy. And with the default sizes, a second connection does no
# harm, whether the server answers one request at a time on each or everything at once.
# timeout: 120
# cpus: 2
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
no_ratios_here
# read_all BYTES ARG...: attach and read; sets rate, in bytes a second.
read_all()
{
	local bytes=$1 start

	shift
	attach --no-partscan "$@" "$uri"
	start=${EPOCHREALTIME/./}
	taskset -c 0 dd if="$dev" of=/dev/null bs=64k iflag=count_bytes \
		count="$bytes" status=none
	rate=$((bytes * 1000000 / (${EPOCHREALTIME/./} - start)))
	detach "$dev"
}
# Small requests, so that it is the server that takes the time.
start_nbdkit unix --filter=noparallel --filter=delay memory 64M \
	serialize=requests rdelay=$((20 * slow))ms
request=16384
read_all $((request * 40)) -C 1 --max-request $request
one=$rate
say "1 connection: $((one / 1024)) KiB/s"
for n in 2 4 8 16; do
	# Whatever else the machine does must not fail it.
	for try in 1 2 3; do
		read_all $((request * 40 * n)) -C $n --max-request $request
		say "$n connections: $((rate / 1024)) KiB/s," \
			"$((rate * 100 / one / n)) % of $n times one"
		! scales $n "$one" "$rate" 75 || break
		[ $try -lt 3 ] || fail "$n connections do not scale"
	done
done

# default_sizes WHAT MIB: a second connection is not slower.
default_sizes()
{
	local try

	for try in 1 2 3; do
		read_all $(($2 << 20)) -C 1
		one=$rate
		read_all $(($2 << 20)) -C 2
		say "$1: $((one / 1024)) KiB/s, 2 connections $((rate / 1024))"
		[ $((rate * 100)) -lt $((one * 70)) ] || break
		[ $try -lt 3 ] || fail "$1: 2 connections are slower"
	done
}
start_nbdkit unix -t 1 --filter=delay memory 64M rdelay=$((100 * slow))ms
default_sizes "one at a time" 64
start_nbdkit unix -t 64 --filter=delay memory 64M rdelay=$((500 * slow))ms
default_sizes "in parallel" 24
