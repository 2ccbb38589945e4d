#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What ext4 and XFS have synced is on the server's disk when the server is killed that
# instant, although this server keeps everything in memory until it is told to flush;
# and the file system can be mounted again. Once the client goes too, once it stays
# and is told by --on-restart=error that writes were lost.
# timeout: 200
# soak: 1500
# debug: soak
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit mkfs.ext4 mkfs.xfs xfs_repair jq
mnt=$T/mnt
truncate -s 400M "$T/disk"
listen_on unix
serve()
{
	serve_nbdkit --filter=cache file "$T/disk" cache=writeback
}
# write_files: without end, each synced before its name and hash are noted.
write_files()
{
	local n

	for ((n = 0; ; n++)); do
		head -c $(((RANDOM % 32 + 1) * 4096 + RANDOM % 4096)) \
			/dev/urandom >"$T/new"
		dd if="$T/new" of="$mnt/file$n" bs=64k conv=fsync status=none ||
			break
		sync "$mnt" || break
		sha256sum <"$T/new" | sed "s/-/file$n/" >>"$T/synced"
	done 2>"$T/writer.log"
}
# write_loose: without end, what nobody asks to be kept, so that the server always has
# something to lose.
write_loose()
{
	while dd if=/dev/zero of="$mnt/loose" bs=4k count=256 oflag=direct \
		conv=notrunc status=none; do :; done 2>"$T/loose.log"
}
synced()
{
	[ "$(wc -l <"$T/synced")" -ge "$1" ]
}
# kill_amid COUNT: the server, when so many files are synced.
kill_amid()
{
	: >"$T/synced"
	dd if=/dev/zero of="$mnt/loose" bs=1M count=1 conv=fsync status=none
	write_loose &
	loose=$!
	write_files &
	writer=$!
	wait_for 40 synced "$1" || fail "only $(wc -l <"$T/synced") files"
	kill -9 "$server_pid"
}
# journal_was_told: a flush failed, the one of jbd2_cleanup_journal_tail(), which does not
# look how it ends. Then the writer has to go on.
journal_was_told()
{
	local files

	[ $fs = ext4 ] || return 1
	dmesg | sed '1,/newer than writes/d' >"$T/since"
	grep -q "I/O error, dev $name, sector 0 op 0x1:(WRITE) flags 0x800 " \
		"$T/since" || return 1
	files=$(wc -l <"$T/synced")
	wait_for 20 synced $((files + 3))
}
check_files()
{
	(cd "$mnt" && sha256sum --quiet -c "$T/synced") >"$T/out" 2>&1 ||
		fail "$fs: synced files are lost: $(head -n 5 "$T/out")"
	say "$fs, $1: $(wc -l <"$T/synced") synced files are there"
}
check_fs()
{
	case $fs in
	ext4) e2fsck -fn "$dev" >"$T/fsck.log" 2>&1 ;;
	xfs) xfs_repair -n "$dev" >"$T/fsck.log" 2>&1 ;;
	esac || fail "$fs, $1: $(cat "$T/fsck.log")"
}
mkdir "$mnt"
mounts+=("$mnt")
for fs in ext4 xfs; do
	serve
	attach -C 2 --no-partscan --dead-timeout 300 --on-restart error "$uri"
	[ $fs = ext4 ] && mkfs.ext4 -q -F "$dev" || mkfs.xfs -q -f -K "$dev"
	mount "$dev" "$mnt"

	# Both go.
	kill_amid 12
	expect_status 0 nbdctl detach --force "$dev"
	kill $loose 2>/dev/null || true
	wait $writer $loose || true
	umount "$mnt"
	serve
	attach -C 2 --no-partscan --dead-timeout 300 --on-restart error "$uri"
	mount "$dev" "$mnt"
	check_files "client gone"
	umount "$mnt"
	check_fs "client gone"

	# The server alone.
	mount "$dev" "$mnt"
	kill_amid 12
	serve
	expect_status 0 nbdctl reconnect "$dev"
	wait_for 40 gone $writer || journal_was_told || fail "$fs: nobody told the writer"
	# On 6.1 it has not noticed.
	kill $writer $loose 2>/dev/null || true
	wait $writer $loose || true
	[ "$(field "$dev" .losses)" -ge 1 ] || fail "$fs: no loss was noticed"
	umount "$mnt"
	mount "$dev" "$mnt"
	check_files "client stays"
	umount "$mnt"
	check_fs "client stays"
	detach "$dev"
	kill_server "$server_pid"
done
