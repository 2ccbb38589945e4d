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

requires nbdkit mkfs.ext4 mkfs.xfs xfs_repair jq python3
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
# write_loose: without end, what nobody asks to be kept, the time behind the file system,
# so that the server nearly always has something to lose. The last one that was
# acknowledged is in $T/acked.
loose_at=$((399 << 20))
write_loose()
{
	exec python3 - "$dev" $loose_at "$T/acked" 2>"$T/loose.log" <<-'END'
		import mmap, os, sys, time
		disk = os.open(sys.argv[1], os.O_WRONLY | os.O_DIRECT)
		acked = os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT)
		block = mmap.mmap(-1, 4096)
		while True:
		    block[:16] = b"%016d" % (time.monotonic_ns() // 1000)
		    os.pwrite(disk, block, int(sys.argv[2]))
		    os.pwrite(acked, block[:16], 0)
		    time.sleep(0.005)
	END
}
start_writers()
{
	: >"$T/synced"
	rm -f "$T/acked"
	mark="nbd-writers $RANDOM$RANDOM"
	echo "$mark" >/dev/kmsg
	write_loose &
	loose=$!
	write_files &
	writer=$!
}
synced()
{
	[ "$(wc -l <"$T/synced")" -ge "$1" ]
}
# kill_amid COUNT: the server, when so many files are synced and it has acknowledged a
# time. has_lost is yes if it did not keep that.
kill_amid()
{
	local kept

	wait_for 40 synced "$1" || fail "only $(wc -l <"$T/synced") files"
	wait_for 40 test -s "$T/acked" || fail "no time: $(cat "$T/loose.log")"
	kill -9 "$server_pid"
	wait_for 10 gone "$server_pid" || fail "the server is still there"
	kept=$(dd if="$T/disk" bs=4k skip=$((loose_at / 4096)) count=1 status=none |
		head -c 16 | tr '\0' 0)
	has_lost=no
	((10#$kept >= 10#$(cat "$T/acked"))) || has_lost=yes
	say "$fs: $(cat "$T/acked") was acknowledged, lost: $has_lost"
}
# back: the server, and the device has it.
back()
{
	serve
	expect_status 0 nbdctl reconnect "$dev"
}
losses()
{
	[ "$(field "$dev" .losses)" -ge 1 ]
}
# goes_on COUNT: so many files are synced, or the writer has been told.
goes_on()
{
	synced "$1" || gone "$writer"
}
# kill_losing: the server alone, once more if it had just flushed all that there was:
# then nobody has to be told.
kill_losing()
{
	local files=12

	kill_amid $files
	back
	while [ $has_lost = no ]; do
		files=$(($(wc -l <"$T/synced") + 3))
		wait_for 40 goes_on $files || fail "the writer does not go on"
		! losses || break
		! gone "$writer" || fail "told for nothing: $(cat "$T/writer.log")"
		kill_amid $files
		back
	done
}
# journal_was_told: a flush failed, the one of jbd2_cleanup_journal_tail(), which does not
# look how it ends. Then the writer has to go on.
journal_was_told()
{
	local files

	[ $fs = ext4 ] || return 1
	dmesg | sed "1,/$mark/d" | sed '1,/newer than writes/d' >"$T/since"
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
	case $fs in
	ext4) mkfs.ext4 -q -F "$dev" $((loose_at >> 10))k ;;
	xfs) mkfs.xfs -q -f -K -d size=$loose_at "$dev" ;;
	esac
	mount "$dev" "$mnt"

	# Both go.
	start_writers
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
	start_writers
	kill_losing
	wait_for 40 gone "$writer" || journal_was_told || fail "$fs: nobody told the writer"
	# On 6.1 it has not noticed.
	kill $writer $loose 2>/dev/null || true
	wait $writer $loose || true
	losses || fail "$fs: no loss was noticed"
	umount "$mnt"
	mount "$dev" "$mnt"
	check_files "client stays"
	umount "$mnt"
	check_fs "client stays"
	detach "$dev"
	kill_server "$server_pid"
done
