# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the functional tests share. A test is a script that sources this file,
# does one thing and ends; it passes by exit status 0, skips by 77, fails by
# anything else. It runs as root inside a machine of its own (tests/vm/run).
# Whatever it started, attached or mounted goes away with it.
#
# Environment, set by run-all: NBD_KO the module under test, NBDCTL_DIR the
# directory of nbdctl, NBD_SLOW the factor by which this kernel is slower.

set -eu -o pipefail
shopt -s inherit_errexit

slow=${NBD_SLOW:-1}

T=$(mktemp -d "${TMPDIR:-/tmp}/nbd-test.XXXXXX")
server_pids=()
server_n=0
mounts=()
undo=()
export dev='' uri='' server_pid='' seconds=0

fail()
{
	echo "FAIL: $*" >&2
	exit 1
}

skip()
{
	echo "SKIP: $*"
	exit 77
}

# requires COMMAND...: skip unless every command is there.
requires()
{
	local c

	for c in "$@"; do
		command -v "$c" >/dev/null || skip "no $c"
	done
}

say()
{
	echo "# $*"
}

# wait_for SECONDS COMMAND...: until the command succeeds, in slow-kernel time.
wait_for()
{
	local end=$((SECONDS + $1 * slow))

	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

gone()
{
	! kill -0 "$1" 2>/dev/null
}

# detach_everything: whatever is attached goes, with errors if it must.
detach_everything()
{
	local d name

	for d in /sys/block/nbd*; do
		[ -e "$d/pid" ] || continue
		name=/dev/${d##*/}
		timeout $((20 * slow)) nbdctl detach --force "$name" 2>&1 ||
			timeout $((20 * slow)) nbd-client -d "$name" ||
			echo "cannot detach $name"
	done
}

# at_exit COMMAND...: for what mounts, servers and devices do not cover.
at_exit()
{
	undo+=("$(printf '%q ' "$@")")
}

kill_server()
{
	kill "$1" 2>/dev/null || return 0
	kill -CONT "$1" 2>/dev/null || true
	wait_for 5 gone "$1" || kill -9 "$1" 2>/dev/null || true
}

cleanup()
{
	local status=$? i m p

	trap - EXIT
	set +e
	# Children first: they may hold the device open.
	for p in $(jobs -p); do
		kill "$p" 2>/dev/null
	done
	for ((i = ${#undo[@]} - 1; i >= 0; i--)); do
		eval "${undo[i]}"
	done
	for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do
		m=${mounts[i]}
		mountpoint -q "$m" && { umount "$m" || umount -l "$m"; }
	done
	detach_everything
	for p in "${server_pids[@]}"; do
		kill_server "$p"
	done
	for p in $(jobs -p); do
		kill -9 "$p" 2>/dev/null
	done
	if [ "$status" != 0 ] && [ "$status" != 77 ]; then
		for m in "$T"/*.log "$T"/err; do
			[ -s "$m" ] || continue
			echo "--- ${m##*/}"
			tail -n 15 "$m"
		done
	fi
	rm -rf "$T"
	exit "$status"
}
trap cleanup EXIT
trap 'exit 143' TERM INT HUP

# A free TCP port on loopback: each server of a test gets one of its own.
new_port()
{
	local p

	for ((p = 20000 + server_n * 10 + RANDOM % 10000; ; p++)); do
		[ -n "$(ss -Hltn "sport = :$p")" ] || break
	done
	port=$p
}

# listen_on unix|tcp|vsock: sets listen_kind, sock, port and uri.
listen_on()
{
	listen_kind=$1
	server_n=$((server_n + 1))
	sock=$T/sock$server_n
	case $1 in
	unix) uri="nbd+unix:///?socket=$sock" ;;
	tcp | vsock)
		new_port
		[ "$1" = tcp ] && uri="nbd://127.0.0.1:$port/" ||
			uri="nbd+vsock://1:$port/"
		;;
	*) fail "listen_on $1" ;;
	esac
}

took_pid()
{
	wait_for 20 test -s "$1" || fail "the server did not start"
	server_pid=$(cat "$1")
	server_pids+=("$server_pid")
}

# serve_nbdkit ARG...: where listen_on said, also once more after it was killed; sets
# server_pid.
serve_nbdkit()
{
	local where

	rm -f "$T/pid$server_n"
	case $listen_kind in
	unix)
		rm -f "$sock"
		where=(-U "$sock")
		;;
	tcp) where=(-i 127.0.0.1 -p "$port") ;;
	vsock) where=(--vsock -p "$port") ;;
	esac
	nbdkit -P "$T/pid$server_n" "${where[@]}" "$@" \
		2>"$T/nbdkit$server_n.log" ||
		fail "nbdkit $*: $(tail -n 3 "$T/nbdkit$server_n.log")"
	took_pid "$T/pid$server_n"
}

# start_nbdkit unix|tcp|vsock ARG...: sets uri and server_pid.
start_nbdkit()
{
	listen_on "$1"
	shift
	serve_nbdkit "$@"
}

# start_qemu_nbd unix|tcp CLIENTS FILE: exports FILE as raw.
start_qemu_nbd()
{
	local where

	listen_on "$1"
	case $listen_kind in
	unix) where=(-k "$sock") ;;
	tcp) where=(-b 127.0.0.1 -p "$port") ;;
	esac
	qemu-nbd --fork --pid-file="$T/pid$server_n" -t -e "$2" -f raw \
		--discard=unmap "${where[@]}" "$3" \
		2>"$T/qemu-nbd$server_n.log" || fail "qemu-nbd $*"
	took_pid "$T/pid$server_n"
}

# start_nbd_server unix|tcp FILE [OTHER]: exports FILE as "disk" and OTHER,
# read-only, as "other".
start_nbd_server()
{
	listen_on "$1"
	{
		echo "[generic]"
		echo "allowlist = true"
		# It listens on TCP in any case.
		if [ "$listen_kind" = unix ]; then
			echo "unixsock = $sock"
			new_port
		fi
		echo "listenaddr = 127.0.0.1"
		echo "port = $port"
		echo "[disk]"
		echo "exportname = $2"
		echo "flush = true"
		echo "fua = true"
		echo "trim = true"
		if [ $# -gt 2 ]; then
			echo "[other]"
			echo "exportname = $3"
			echo "readonly = true"
		fi
	} >"$T/nbd-server.conf"
	nbd-server -C "$T/nbd-server.conf" -p "$T/pid$server_n" \
		>"$T/nbd-server$server_n.log" 2>&1 || fail "nbd-server $*"
	took_pid "$T/pid$server_n"
	if [ "$listen_kind" = unix ]; then
		wait_for 20 test -S "$sock" || fail "nbd-server has no socket"
		uri="nbd+unix:///disk?socket=$sock"
	else
		wait_for 20 listening "$port" || fail "nbd-server has no port"
		uri="nbd://127.0.0.1:$port/disk"
	fi
}

listening()
{
	[ -n "$(ss -Hltn "sport = :$1")" ]
}

# attach ARG...: nbdctl attach, sets dev and name; fails the test if it cannot.
attach()
{
	dev=$(timeout $((30 * slow)) nbdctl attach \
		--connect-timeout $((20 * slow)) "$@" 2>"$T/err") ||
		fail "nbdctl attach $*: status $?: $(cat "$T/err")"
	[ -b "$dev" ] || fail "nbdctl attach printed '$dev', not a device"
	name=${dev#/dev/}
	export name
}

detach()
{
	timeout $((30 * slow)) nbdctl detach "$@" 2>"$T/err" ||
		fail "nbdctl detach $*: status $?: $(cat "$T/err")"
}

# expect_status N COMMAND...: runs it; leaves its output in $T/out, $T/err. N is
# a pattern.
expect_status()
{
	local want=$1 got=0

	shift
	timeout $((60 * slow)) "$@" >"$T/out" 2>"$T/err" || got=$?
	# shellcheck disable=SC2053 # a pattern on purpose
	[[ $got == $want ]] ||
		fail "'$*' ended with $got, not $want: $(cat "$T/out" "$T/err")"
}

# refused N REGEX COMMAND...: the command must end with status N, say one line
# on stderr that matches, print nothing else and leave nothing attached.
refused()
{
	local want=$1 regex=$2

	shift 2
	expect_status "$want" "$@"
	[ ! -s "$T/out" ] || fail "'$*' printed $(cat "$T/out")"
	[ "$(wc -l <"$T/err")" = 1 ] ||
		fail "'$*' did not say one line: $(cat "$T/err")"
	grep -qiE -- "$regex" "$T/err" ||
		fail "'$*' said: $(cat "$T/err"); wanted /$regex/"
	say "$(cat "$T/err")"
}

attached()
{
	[ -e "/sys/block/${1#/dev/}/pid" ]
}

# idle DEV...: nothing of a configuration is left on the device.
idle()
{
	local d

	for d in "$@"; do
		! attached "$d" || fail "$d is still attached"
		[ "$(cat "/sys/block/${d#/dev/}/size")" = 0 ] ||
			fail "$d still has a size"
	done
}

# nothing_attached: no device at all has a configuration.
nothing_attached()
{
	local d

	for d in /sys/block/nbd*; do
		[ ! -e "$d/pid" ] || fail "${d##*/} is attached"
	done
}

mount_at()
{
	mkdir -p "$2"
	mount "$1" "$2"
	mounts+=("$2")
}

# verify DEV [SIZE [FIO ARG...]]: fio writes it and reads it back by checksum.
verify()
{
	local d=$1 size=${2:-16M}

	shift
	[ $# -eq 0 ] || shift
	timeout $((120 * slow)) fio --name=verify --filename="$d" \
		--rw=randwrite --bsrange=4k-128k --bs_unaligned=0 \
		--size="$size" --ioengine=libaio --iodepth=16 --direct=1 \
		--verify=crc32c --verify_fatal=1 --do_verify=1 \
		--output="$T/fio.log" "$@" || fail "fio found wrong data on $d"
	grep -q 'err= 0' "$T/fio.log" || fail "fio reports errors on $d"
}

# hash_of FILE|DEV: of its contents, past the page cache for a device.
hash_of()
{
	dd if="$1" bs=1M iflag=direct 2>/dev/null | sha256sum | cut -d' ' -f1
}

# tree_hash DIR: one hash of all names and contents below it.
tree_hash()
{
	(cd "$1" && find . -type f -print0 | LC_ALL=C sort -z |
		xargs -0 -r sha256sum) | sha256sum | cut -d' ' -f1
}

# start_server nbdkit|qemu-nbd|nbd-server unix|tcp|vsock FILE
start_server()
{
	case $1 in
	nbdkit) start_nbdkit "$2" file "$3" ;;
	qemu-nbd) start_qemu_nbd "$2" 4 "$3" ;;
	nbd-server) start_nbd_server "$2" "$3" ;;
	esac
}

# io_with SERVER TRANSPORT: attach a file over 2 connections, write and verify
# it, and find in the file what was written to the device.
io_with()
{
	local dev_hash n

	requires "$1" fio
	truncate -s 24M "$T/disk"
	start_server "$1" "$2" "$T/disk"
	attach -C 2 "$uri"
	[ "$(blockdev --getsize64 "$dev")" = $((24 << 20)) ] ||
		fail "size $(blockdev --getsize64 "$dev")"
	n=$(field "$dev" .connections_live)
	[ "$n" = 2 ] || fail "$n live connections, not 2"
	verify "$dev" 8M
	dev_hash=$(hash_of "$dev")
	detach "$dev"
	idle "$dev"
	[ "$dev_hash" = "$(sha256sum <"$T/disk" | cut -d' ' -f1)" ] ||
		fail "the device and the server's file differ"
	cmp -s -n $((24 << 20)) "$T/disk" /dev/zero &&
		fail "nothing was written to the server's file"
	say "$1 over $2: $dev_hash"
}

# no_ratios_here: what a debug kernel adds to everything makes ratios worthless.
no_ratios_here()
{
	[ ! -e /proc/lockdep_stats ] || skip "a debug kernel is no place for ratios"
}

# field DEV JQ: one value of status --json. A plain one of the device, which is indented
# by so much, is found without jq: that takes twice as long to start as nbdctl.
field()
{
	local json plain='(null|true|false|-?[0-9]+|"[^"\\]*")'

	json=$(nbdctl status --json "$1") || return
	if [[ $2 =~ ^\.([a-z_]+)$ ]] &&
		[[ $json =~ $'\n      "'${BASH_REMATCH[1]}'":'\ *$plain ]]; then
		json=${BASH_REMATCH[1]#\"}
		echo "${json%\"}"
		return
	fi
	jq -r ".devices[0] | $2" <<<"$json"
}

# expect_field DEV JQ VALUE
expect_field()
{
	local have

	have=$(field "$1" "$2")
	[ "$have" = "$3" ] || fail "status: $2 is $have, not $3"
}

# in_flight COUNT: the first connection of the device that attach took has at least
# as many commands that are not answered.
in_flight()
{
	[ "$(field "$dev" '.connections[0].in_flight')" -ge "$1" ]
}

# queue NAME: of /sys/block/*/queue of the device that attach took.
queue()
{
	cat "/sys/block/$name/queue/$1"
}

expect_queue()
{
	[ "$(queue "$1")" = "$2" ] || fail "queue/$1 is $(queue "$1"), not $2"
}

# established: connections to the server that listen_on chose, as ss shows
# them; the server's own end counts.
established()
{
	case $listen_kind in
	unix) ss -Hxn state established | awk -v s="$sock" '$4 == s' ;;
	tcp) ss -Htn state established "( dport = :$port )" ;;
	esac
}

no_connection_left()
{
	[ -z "$(established)" ]
}

nothing_left()
{
	local n

	nothing_attached
	n=$(nbdctl list --json | jq '.devices | length')
	[ "$n" = 0 ] || fail "nbdctl list shows $n devices"
	[ -z "${listen_kind:-}" ] || wait_for 5 no_connection_left ||
		fail "a connection is left: $(established)"
}

# run_io DEV [FIO ARG...]: reads and writes in the background, without end;
# sets io_pid, its log is $T/io.log.
run_io()
{
	local d=$1

	shift
	served_before=$(served "$d")
	fio --name=io --filename="$d" --rw=randrw --bs=16k --size=16M \
		--ioengine=libaio --iodepth=32 --direct=1 --time_based \
		--runtime=600 --eta=never --output="$T/io.log" "$@" \
		>"$T/io.out" 2>&1 &
	io_pid=$!
	wait_for 20 has_served "$d" || fail "no I/O on $d"
}

# served DEV: reads and writes that have ended.
served()
{
	awk '{ print $1 + $5 }' "/sys/block/${1#/dev/}/stat"
}

has_served()
{
	[ "$(served "$1")" -gt $((served_before + 50)) ]
}

# io_fails SECONDS: what run_io started must end by then, with an error.
io_fails()
{
	wait_for "$1" gone "$io_pid" || fail "I/O did not end within $1 s"
	! wait "$io_pid" || fail "I/O ended without an error"
	grep -qE 'Input/output error|err= *5' "$T/io.log" "$T/io.out" ||
		fail "I/O did not end by EIO: $(cat "$T/io.out")"
}

# memory_group LIMIT: a control group, in group; what its processes have beyond that goes to
# the swap.
memory_group()
{
	mkdir "$T/cgroup"
	mount -t cgroup2 cgroup2 "$T/cgroup" || fail "no cgroups in this kernel"
	mounts+=("$T/cgroup")
	echo +memory >"$T/cgroup/cgroup.subtree_control" || fail "no limits for memory"
	group=$T/cgroup/group
	mkdir "$group"
	at_exit rmdir "$group"
	echo "$1" >"$group/memory.high"
}

# swapped: pages that went to the device that attach took and came back, so far.
swapped()
{
	awk '{ print int(($3 + $7) / 8) }' "/sys/block/$name/stat"
}

# took COMMAND...: runs it, sets seconds to the time it took.
took()
{
	local start=$SECONDS status=0

	"$@" || status=$?
	seconds=$((SECONDS - start))
	return $status
}

unload_module()
{
	timeout $((60 * slow)) rmmod nbd || fail "rmmod: status $?"
}

# load_module [ARG]...: the module under test.
# shellcheck disable=SC2120 # most give no arguments
load_module()
{
	insmod "$NBD_KO" "$@"
	wait_for 5 test -b /dev/nbd0 || fail "no /dev/nbd0 after insmod"
}

not_attached()
{
	! attached "$1"
}

state_is()
{
	[ "$(field "$1" .state)" = "$2" ]
}

# refused_attached N REGEX COMMAND...: as refused(), and the device that attach
# took is still attached and usable.
refused_attached()
{
	refused "$@"
	attached "$dev" || fail "$dev is not attached any more"
	dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct status=none ||
		fail "$dev cannot be read any more"
}

# is_read_only DEV: the kernel knows, and refuses to write.
is_read_only()
{
	[ "$(cat "/sys/block/${1#/dev/}/ro")" = 1 ] || fail "$1 is not ro"
	[ "$(blockdev --getro "$1")" = 1 ] || fail "$1 is not ro"
	! dd if=/dev/zero of="$1" bs=4k count=1 oflag=direct status=none \
		2>"$T/err" || fail "a write to $1 succeeded"
	! blkdiscard -f "$1" 2>>"$T/err" || fail "blkdiscard $1 succeeded"
	nbdctl status --json "$1" |
		jq -e '.devices[0].flags | index("read-only")' >/dev/null ||
		fail "status of $1: flags $(field "$1" '.flags | @csv')"
}

# start_scripted NAME unix|tcp ARG...: tests/servers/NAME, whose last argument, after
# those given here, is where it listens.
start_scripted()
{
	local name=$1 transport=$2 where

	shift 2
	listen_on "$transport"
	[ "$transport" = unix ] && where=$sock || where=$port
	/usr/bin/python3 "$(dirname "$0")/../servers/$name" "$@" "$where" \
		>"$T/$name$server_n.log" 2>&1 &
	server_pid=$!
	server_pids+=("$server_pid")
	wait_for 20 grep -q ready "$T/$name$server_n.log" ||
		fail "tests/servers/$name did not start"
}

# start_captive unix|tcp HOW: a server that does one thing.
start_captive()
{
	start_scripted captive "$1" "$2"
}

# start_errors unix|tcp MIB: a server that answers the errors that the file
# $rules has for its commands, and logs them to the file $asked.
start_errors()
{
	rules=$T/rules$((server_n + 1)) asked=$T/asked$((server_n + 1))
	: >"$rules"
	: >"$asked"
	start_scripted errors "$1" "$rules" "$asked" "$2"
}

live_is()
{
	[ "$(field "$dev" .connections_live)" = "$1" ]
}

# scales N ONE RATE PERCENT: N connections are that close to N times ONE.
scales()
{
	local percent=$4

	[ "$slow" = 1 ] || percent=$((percent * 3 / 4))
	[ $(($3 * 100)) -ge $(($2 * $1 * percent)) ]
}
