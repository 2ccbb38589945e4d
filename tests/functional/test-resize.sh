#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# resize gives a device that is mounted and busy the size that its export has
# now, over new connections and without an error to anyone; udev hears of it. It
# shrinks only what --shrink allows, and changes nothing if it fails.
# timeout: 300
# cpus: 2
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio mkfs.ext4 resize2fs
MiB=$((1 << 20))
size_is()
{
	[ "$(blockdev --getsize64 "$dev")" = $(($1 * MiB)) ] &&
		[ "$(field "$dev" .size)" = $(($1 * MiB)) ]
}
# resized FROM TO [ARG...]
resized()
{
	local from=$1 to=$2

	shift 2
	truncate -s "${to}M" "$T/disk"
	expect_status 0 nbdctl resize "$@" "$dev"
	[ "$(cat "$T/out")" = "$name: $((to * MiB)) bytes, was $((from * MiB))" ] ||
		fail "resize says: $(cat "$T/out")"
	[ ! -s "$T/err" ] || fail "resize complains: $(cat "$T/err")"
	size_is "$to" || fail "$(blockdev --getsize64 "$dev") bytes, not $to MiB"
}
generation()
{
	field "$dev" '[.connections[].generation] | join(" ")'
}
told()
{
	grep -q 'ACTION=change.*RESIZE=1' "$T/uevents"
}

truncate -s 64M "$T/disk"
start_nbdkit unix --filter=delay file "$T/disk" wdelay=20ms rdelay=5ms
attach -C 2 "$uri"
/usr/bin/python3 "$(dirname "$0")/../servers/uevents" "$name" >"$T/uevents" &
wait_for 20 grep -q ready "$T/uevents" || fail "nobody listens for events"
mkfs.ext4 -q "$dev"
mount_at "$dev" "$T/mnt"
fio --name=busy --directory="$T/mnt" --rw=randrw --bs=16k --size=8M \
	--ioengine=libaio --iodepth=16 --direct=1 --time_based --runtime=600 \
	--verify=crc32c --verify_fatal=1 --fsync=32 --eta=never \
	--output="$T/fio.log" &
fio=$!
served_before=0
wait_for 30 has_served "$dev" || fail "no I/O"

resized 64 128
wait_for 5 told || fail "no event: $(cat "$T/uevents")"
[ "$(generation)" = "2 2" ] || fail "generations $(generation)"
resized 128 128
[ "$(generation)" = "2 2" ] || fail "other connections for the same size"
for ((n = 3; n < 8; n++)); do
	resized $(((n - 1) * 64)) $((n * 64))
done
[ "$(generation)" = "7 7" ] || fail "generations $(generation)"
expect_field "$dev" .connections_live 2
expect_field "$dev" '[.connections[].failures] | add' 0
served_before=$(served "$dev")
wait_for 30 has_served "$dev" || fail "no I/O after resizing"
kill -INT $fio
wait $fio || true
grep -q 'err= 0' "$T/fio.log" || fail "fio reports errors"

resize2fs "$dev" >"$T/log" 2>&1 || fail "resize2fs: $(cat "$T/log")"
dd if=/dev/urandom of="$T/mnt/file" bs=1M count=100 status=none
hash=$(sha256sum <"$T/mnt/file")
umount "$T/mnt"
detach "$dev"
attach -C 2 "$uri"
e2fsck -fn "$dev" >"$T/log" 2>&1 || fail "e2fsck: $(cat "$T/log")"
mount_at "$dev" "$T/mnt"
[ "$(sha256sum <"$T/mnt/file")" = "$hash" ] || fail "the file has changed"
umount "$T/mnt"

truncate -s 128M "$T/disk"
refused_attached 5 'shrunk from 469762048 to 134217728 bytes' \
	nbdctl resize "$dev"
size_is 448 || fail "it shrank nevertheless"
resized 448 128 --shrink
beyond=$(dd if="$dev" bs=4k skip=$((128 * 256)) count=1 iflag=direct \
	status=none 2>/dev/null | wc -c)
[ "$beyond" = 0 ] || fail "$beyond bytes read beyond the end"

refused_attached 2 'name one device' nbdctl resize
refused 7 'not attached' nbdctl resize nbd5

# Larger, but not what it was.
kill_server "$server_pid"
wait_for 5 gone "$server_pid" || fail "the server does not end"
truncate -s 192M "$T/disk"
serve_nbdkit --filter=multi-conn file "$T/disk" multi-conn-mode=disable
refused 5 'flags' nbdctl resize "$dev"
size_is 128 || fail "the size changed with the flags"

kill_server "$server_pid"
wait_for 5 gone "$server_pid" || fail "the server does not end"
refused 3 'cannot connect|refused' nbdctl resize "$dev"
size_is 128 || fail "the size changed without a server"
