#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that has nothing to wait for, on the same two CPUs: more connections
# cannot help, and do not slow a single thread down either.
# timeout: 120
# cpus: 2
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires make gcc fio jq
no_ratios_here
make -s -C "$(dirname "$0")/../bench" out="$T" "$T/bench-server" 2>"$T/err" ||
	fail "bench-server: $(cat "$T/err")"
listen_on unix
"$T/bench-server" --unix "$sock" --size 64M --null --pidfile "$T/pid" ||
	fail "no server"
took_pid "$T/pid"
# iops CONNECTIONS: sets rate.
iops()
{
	attach -C "$1" --no-partscan "$uri"
	fio --name=random --filename="$dev" --rw=randread --bs=4k --size=64M \
		--ioengine=libaio --iodepth=32 --direct=1 --time_based \
		--ramp_time=300ms --runtime=1 --output-format=json \
		--output="$T/fio.json" >"$T/fio.log" 2>&1 ||
		fail "fio: $(head -n 5 "$T/fio.log")"
	rate=$(jq '.jobs[0].read.iops | floor' "$T/fio.json")
	detach "$dev"
}
# In turns, so that whatever else the machine does hits all of them.
one=0 two=0 four=0
for try in 1 2 3 4 5; do
	iops 1
	one=$((rate > one ? rate : one))
	iops 2
	two=$((rate > two ? rate : two))
	iops 4
	four=$((rate > four ? rate : four))
	say "at best: $one IOPS with 1 connection, $two with 2, $four with 4"
	if [ $try -ge 2 ] && [ $((two * 10)) -ge $((one * 7)) ] &&
		[ $((four * 10)) -ge $((one * 7)) ]; then
		exit 0
	fi
done
fail "more connections are slower"
