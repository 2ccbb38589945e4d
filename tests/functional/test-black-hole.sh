#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The packets of one of four connections are dropped from one moment on: its requests
# wait for --timeout and then go over the others, writes after --fence, and what was
# written is what is read. When all of them are dropped the requests fail within the
# timeouts, and detach does not wait.
# timeout: 120
# soak: 1000
# debug: soak
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio jq nft ss
timeout=$((2 * slow)) fence=2 runtime=$((4 + 4 * slow))
nft add table inet hole || skip "no nftables in this kernel"
at_exit nft delete table inet hole
nft add chain inet hole out '{ type filter hook output priority 0; }' ||
	skip "no nftables in this kernel"
# drop_port PORT: nothing comes from or goes to it any more.
drop_port()
{
	nft add rule inet hole out tcp sport "$1" drop ||
		skip "no rules of nftables in this kernel"
	nft add rule inet hole out tcp dport "$1" drop
}
# ports: of our ends, the one that has sent the most first.
ports()
{
	ss -HtnOi state established "dport = :$port" | awk '{
		split($3, local, ":"); match($0, /bytes_sent:[0-9]+/)
		print substr($0, RSTART + 11, RLENGTH - 11), local[2]
	}' | sort -rn | cut -d' ' -f2
}
# One that takes its time, so that all four are needed.
start_nbdkit tcp --filter=noparallel --filter=delay memory 64M rdelay=30ms \
	wdelay=30ms

# swallow RW FENCE LEAST MOST [OPTION...]: under that load one connection is swallowed;
# the slowest request takes no less and no more seconds than that.
swallow()
{
	local fio ms

	attach -C 4 --no-partscan --timeout $timeout --fence "$2" "$uri"
	fio --name=load --filename="$dev" --rw="$1" --bs=4k --iodepth=8 --direct=1 \
		--ioengine=libaio --time_based --runtime=$runtime \
		--output-format=json --output="$T/fio.json" "${@:5}" 2>"$T/fio.log" &
	fio=$!
	sleep 2
	[ "$(ports | wc -l)" = 4 ] || fail "not four connections: $(ports)"
	drop_port "$(ports | head -n 1)"
	wait $fio || fail "$1: fio: status $?: $(cat "$T/fio.log")"
	live_is 3 || fail "$1: $(field "$dev" .connections_live) live, not 3"
	ms=$(jq '[.jobs[] | .read, .write] | map(.clat_ns.max / 1000000) |
		max | floor' "$T/fio.json")
	say "$1: the slowest took $ms ms"
	[ "$ms" -ge $(($3 * 1000)) ] || fail "$1: less than $3 s"
	[ "$ms" -le $(($4 * 1000)) ] || fail "$1: more than $4 s"
}
# Far less than the fence, which is for writes.
swallow randread $((timeout * 9)) $((timeout - 1)) $((timeout + 3 * slow))
detach "$dev"
swallow randwrite $fence $((timeout - 1 + fence)) $((timeout + fence + 3 * slow)) \
	--verify=crc32c --verify_backlog=512 --verify_fatal=1

for p in $(ports); do
	drop_port "$p"
done
took expect_status 1 dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct
say "with all of them gone a read fails after $seconds s"
[ "$seconds" -le $((timeout * 2 + 5 * slow)) ] || fail "the read took $seconds s"
took expect_status 0 nbdctl detach --force "$dev"
[ "$seconds" -le $((5 * slow)) ] || fail "detach took $seconds s"
idle "$dev"
