# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the guest scripts of the bench share. Environment: NBD_KO the module
# under test, BENCH_BIN the directory of server and floor client, BENCH_ROWS a
# pattern of rows, BENCH_QUICK for the quick bench. A result is a line
# "= TRANSPORT CONNECTIONS BS RW DEPTH WHAT VALUE".
set -eu -o pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
T=$(mktemp -d "${TMPDIR:-/tmp}/nbd-bench.XXXXXX")
sock=$T/sock port=10809 dev=''
fio_args=(--direct=1 --ioengine=libaio --size=1G --randseed=20261103
	--rwmixread=70 --eta=never)

say()
{
	echo "# $*"
}

die()
{
	echo "bench: $*" >&2
	exit 1
}

result()
{
	echo "= $*"
}

# wanted TRANSPORT CONNECTIONS BS RW DEPTH QUICK
wanted()
{
	# shellcheck disable=SC2053 # a pattern
	[[ "$1 $2 $3 $4 $5" == ${BENCH_ROWS:-*} ]] || return 1
	[ -z "${BENCH_QUICK:-}" ] || { [ "$6" = quick ] && [ "$2" = 1 ]; }
}

# rows TRANSPORT CONNECTIONS: the loads that are wanted, one a line. TCP varies
# from one third of a second to the next when many small ones are in flight.
rows()
{
	local bs rw depth ios quick

	grep -v '^#' "$here/loads" | while read -r bs rw depth ios quick; do
		[ "$1 $bs" != 'tcp 4k' ] || [ "$depth" = 1 ] || ios=$((ios * 2))
		! wanted "$1" "$2" "$bs" "$rw" "$depth" "$quick" ||
			echo "$bs $rw $depth $ios"
	done
}

start_server()
{
	"$BENCH_BIN/bench-server" --unix "$sock" --port "$port" --size 1G \
		--pidfile "$T/server.pid" "$@" || die "no server"
}

stop_server()
{
	[ ! -s "$T/server.pid" ] || kill "$(cat "$T/server.pid")" || true
}

# bytes BS: the number of them.
bytes()
{
	case $1 in
	*k) echo $((${1%k} << 10)) ;;
	*M) echo $((${1%M} << 20)) ;;
	esac
}

# fio_ran ARG...: its JSON is in $T/fio.json. No time limit here: where idle
# time passes at once, it is over as soon as anything waits for the host.
fio_ran()
{
	fio "${fio_args[@]}" --output-format=json --output="$T/fio.json" \
		"$@" >"$T/fio.log" 2>&1 || {
		head -n 5 "$T/fio.log" >&2
		return 1
	}
}

# fio_ns DEV BS RW DEPTH IOS: nanoseconds an I/O, after a warm-up.
fio_ns()
{
	local n
	local job=("--filename=$1" "--bs=$2" "--rw=$3" "--iodepth=$4")

	n=$(bytes "$2")
	fio_ran --name=warm "${job[@]}" --io_size=$((n * ($5 / 8))) \
		--name=run --stonewall "${job[@]}" --io_size=$((n * $5)) || return
	jq -r '.jobs[1] | select(.error == 0) | [.read, .write] |
		1e6 * (map(.runtime) | max) / (map(.total_ios) | add) |
		round' "$T/fio.json"
}

# fio_iops DEV BS RW DEPTH: I/Os a second by the clock.
fio_iops()
{
	local time=(--time_based --ramp_time=400ms --runtime=800ms)

	fio_ran --name=run --filename="$1" --bs="$2" --rw="$3" \
		--iodepth="$4" "${time[@]}" || return
	jq -r '.jobs[0] | select(.error == 0) | .read.iops + .write.iops |
		round' "$T/fio.json"
}

# scheduler NAME: of the device that is attached.
scheduler()
{
	echo "$1" >"/sys/block/${dev#/dev/}/queue/scheduler"
}

gone()
{
	! kill -0 "$1" 2>/dev/null
}

# stop_pid FILE: end the server that wrote it.
stop_pid()
{
	local pid

	pid=$(cat "$1")
	kill "$pid"
	until_true gone "$pid" || die "$1: the server does not end"
}

# unserve stock|ours: detach it, and end the nbdkit whose process id is in $T/pid.
unserve()
{
	detach "$1"
	stop_pid "$T/pid"
}

is_attached()
{
	[ -e "/sys/block/${dev#/dev/}/pid" ]
}

# until_true COMMAND...: bounded in steps, not in time, which may fly.
until_true()
{
	local n

	for ((n = 0; n < 500; n++)); do
		! "$@" || return 0
		sleep 0.01
	done
	return 1
}

# load stock|qemu|ours [DEVICES]: instead of what is loaded. qemu-nbd uses the
# kernel's.
load()
{
	local many=${2:+nbds_max=$2}

	[ ! -e /sys/module/nbd ] || rmmod nbd || die "rmmod nbd"
	# shellcheck disable=SC2086 # none, or one
	case $1 in
	stock | qemu) modprobe -q --ignore-install nbd $many ;;
	ours) insmod "$NBD_KO" $many ;;
	esac || die "no module for $1"
	until_true test -b "/dev/nbd$((${2:-1} - 1))" || die "too few devices"
}

# attach stock|qemu|ours TRANSPORT CONNECTIONS [N]: to /dev/nbdN or nbd0; sets
# dev. Ours has as many requests in flight as queue_depth says, and of as many bytes as
# max_request says, if they are set.
attach()
{
	local uri=nbd://127.0.0.1:$port/ where=(127.0.0.1 "$port")

	dev=/dev/nbd${4:-0}

	[ "$2" = tcp ] || {
		uri="nbd+unix:///?socket=$sock"
		where=(-unix "$sock")
	}
	case $1 in
	stock)
		nbd-client "${where[@]}" "$dev" -C "$3" >"$T/log" 2>&1
		;;
	qemu)
		qemu-nbd --format=raw --cache=none --aio=threads \
			--connect="$dev" "$uri" >"$T/log" 2>&1
		;;
	ours)
		nbdctl attach --connect-timeout 3600 -C "$3" \
			${queue_depth:+--queue-depth "$queue_depth"} \
			${max_request:+--max-request "$max_request"} \
			"$uri" "$dev" >"$T/log" 2>&1
		;;
	esac || die "attach $*: $(cat "$T/log")"
	until_true is_attached || die "attach $*: not attached"
}

detach()
{
	case $1 in
	stock) nbd-client -d "$dev" >"$T/log" 2>&1 ;;
	qemu) qemu-nbd --disconnect "$dev" >"$T/log" 2>&1 ;;
	ours) nbdctl detach "$dev" 2>"$T/log" ;;
	esac || die "detach $1: $(cat "$T/log")"
	until_true not_attached || die "detach $1: still attached"
}

not_attached()
{
	! is_attached
}

# turn WHAT TRANSPORT CONNECTIONS: runs each load of standard input by the clock,
# and "found BS RW DEPTH IOPS" for it.
turn()
{
	local bs rw depth ios iops

	attach "$@"
	scheduler none
	while read -r bs rw depth ios; do
		if iops=$(fio_iops "$dev" "$bs" "$rw" "$depth") &&
			[ -n "$iops" ]; then
			found "$bs" "$rw" "$depth" "$iops"
		else
			say "FAIL $* $bs $rw $depth"
			# shellcheck disable=SC2034 # the caller's exit status
			failed=1
		fi
	done
	detach "$1"
}
