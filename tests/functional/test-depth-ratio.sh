#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that takes long for each request, but for many at once: requests in
# flight make it that many times as fast, on the device and through ext4.
# timeout: 150
# cpus: 2
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio jq mkfs.ext4
no_ratios_here
# serve THREADS MILLISECONDS [ATTACH ARG...]
serve()
{
	local threads=$1 delay=$2

	shift 2
	start_nbdkit unix -t "$threads" --filter=delay file "$T/disk" \
		delay-read="${delay}ms" delay-write="${delay}ms"
	attach "$@" --no-partscan "$uri"
}
unserve()
{
	detach "$dev"
	kill_server "$server_pid"
}
# iops DEPTH IOS: sets rate, in a thousandth of an I/O a second.
iops()
{
	rate=$(fio --name=raw --filename="$dev" --rw=randread --bs=4k \
		--size=64M --number_ios="$2" --ioengine=libaio \
		--iodepth="$1" --direct=1 --output-format=json |
		jq '.jobs[0].read.iops * 1000 | floor')
	[ "$rate" -gt 0 ] || fail "no I/O at depth $1"
}
# through_ext4: sets us, the time for 8 MiB.
through_ext4()
{
	mount_at "$dev" "$T/mnt"
	us=${EPOCHREALTIME/./}
	dd if=/dev/zero of="$T/mnt/file" bs=128k count=64 conv=fsync \
		status=none
	us=$((${EPOCHREALTIME/./} - us))
	umount "$T/mnt"
}
truncate -s 64M "$T/disk"
mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$T/disk"

serve 1 250
iops 64 8
one=$rate
unserve
serve 64 250
iops 64 512
unserve
say "$one with one in flight, $rate with 64"
[ "$rate" -ge $((one * 30)) ] || fail "64 in flight: $rate, one: $one"

# Requests of 128 KiB, or there are not enough of them.
serve 1 100 --max-request 128k
through_ext4
one=$us
unserve
serve 64 100 --max-request 128k
through_ext4
unserve
say "ext4: $one us with one in flight, $us with 64"
[ "$one" -ge $((us * 4)) ] || fail "ext4 with 64 in flight: $us us, one: $one"

serve 1024 1000 --queue-depth 1024
iops 2048 4096
unserve
say "$rate with 1024 in flight, a second each"
[ "$rate" -ge $((512 * 1000)) ] || fail "1024 in flight: $rate"
