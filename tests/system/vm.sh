# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the tests of tests/system share: servers on this machine's loopback, and
# one virtual machine with the disk of tests/system/image, which reaches them at
# 10.0.2.2. A test sources this file, does one thing and ends; it passes by exit
# status 0. Whatever it started goes away with it.
#
# Environment, set by tests/system/run: NBD_IMAGE the directory that
# tests/system/image made, NBD_KERNEL 6.1 or 6.12, NBD_LOGS a directory.

set -eu -o pipefail
shopt -s inherit_errexit

PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
T=$(mktemp -d "${TMPDIR:-/tmp}/nbd-system.XXXXXX")
declare -A server_pids=()
qemu_pid='' boots=0
# The machine's two pipes, once there is one.
exec {to}</dev/null {from}</dev/null

fail()
{
	echo "FAIL: $*" >&2
	exit 1
}

step()
{
	echo "# [$SECONDS s] $*"
}

cleanup()
{
	local pid

	trap - EXIT
	for pid in $qemu_pid "${server_pids[@]}"; do
		kill -9 "$pid" 2>/dev/null || true
	done
	# What it would say about those.
	wait 2>/dev/null
	rm -rf --one-file-system "$T"
}
trap cleanup EXIT
trap 'exit 143' TERM INT HUP

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for()
{
	local end=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

listens()
{
	[ -n "$(ss -Hltn "src = 127.0.0.1 and sport = :$1")" ]
}

# new_port: sets port to a free one.
new_port()
{
	port=$((20000 + RANDOM % 10000))
	while listens "$port"; do
		port=$((port + 1))
	done
}

# serve PORT FILE: start a server there that exports FILE.
serve()
{
	nbdkit -v -f --exit-with-parent -i 127.0.0.1 -p "$1" file "$2" \
		2>>"$NBD_LOGS/server-$1" {to}>&- {from}>&- &
	server_pids[$1]=$!
	wait_for 30 listens "$1" || fail "no server at port $1"
}

# leaves PORT: how many times a client of the server has said that it goes.
leaves()
{
	grep -c 'client sent NBD_CMD_DISC' "$NBD_LOGS/server-$1" || true
}

# kill_server PORT: its connections are reset.
kill_server()
{
	kill -9 "${server_pids[$1]}"
	wait "${server_pids[$1]}" 2>/dev/null || true
	unset "server_pids[$1]"
}

# new_disk: the overlay that keeps what the machine writes from boot to boot.
new_disk()
{
	qemu-img create -q -f qcow2 -F raw -b "$NBD_IMAGE/disk.img" "$T/disk"
}

# start ROOT WORDS: start the machine with more kernel parameters. What is not its root
# disk, "disk", is not there.
start()
{
	local disk=()

	boots=$((boots + 1))
	console=$NBD_LOGS/console-$boots
	[ "$1" != disk ] || disk=(-drive
		"file=$T/disk,format=qcow2,if=virtio,cache=unsafe")
	rm -f "$T"/agent.*
	mkfifo "$T/agent.in" "$T/agent.out"
	exec {to}>&- {from}>&-
	exec {to}<>"$T/agent.in" {from}<>"$T/agent.out"
	qemu-system-x86_64 -accel tcg,thread=multi -cpu max,la57=off \
		-smp 2 -m 1024 -machine q35 -nodefaults -no-user-config \
		-display none -no-reboot \
		-kernel "$NBD_IMAGE/vmlinuz-$NBD_KERNEL" \
		-initrd "$NBD_IMAGE/initrd-$NBD_KERNEL" \
		-append "console=ttyS0 panic=-1 nokaslr norandmaps \
random.trust_cpu=on no_timer_check audit=0 apparmor=0 mitigations=off \
systemd.show_status=1 loglevel=5 $2" \
		-serial "file:$console" "${disk[@]}" \
		-nic user,model=virtio-net-pci,ipv6=off \
		-object rng-random,id=rng,filename=/dev/urandom \
		-device virtio-rng-pci,rng=rng \
		-device virtio-serial-pci \
		-chardev "pipe,id=agent,path=$T/agent" \
		-device virtserialport,chardev=agent,name=nbdvm.agent \
		</dev/null >"$NBD_LOGS/qemu-$boots" 2>&1 {to}>&- {from}>&- &
	qemu_pid=$!
}

# is_up: wait until systemd has started all.
is_up()
{
	answer 400 || machine_failed "did not boot"
	guest 'systemctl is-system-running --wait || :' 300 >/dev/null ||
		machine_failed "does not settle"
	step "up"
}

# boot ROOT WORDS: both.
boot()
{
	start "$@"
	is_up
}

machine_failed()
{
	tail -n 40 "$NBD_LOGS/console-$boots" >&2 || true
	fail "the machine $*"
}

# answer SECONDS: the next line of the machine, in $line.
answer()
{
	local end=$((SECONDS + $1)) part=

	line=
	while [ $SECONDS -lt $end ]; do
		if read -r -t 5 -u "$from" part; then
			line+=$part
			return 0
		fi
		# What there is of a line when time is up.
		line+=$part
		kill -0 "$qemu_pid" 2>/dev/null || return 1
	done
	return 1
}

# ask SCRIPT: have the machine run it.
ask()
{
	base64 -w 0 <<<"set -eu -o pipefail; $1" >&"$to"
	echo >&"$to"
}

# reply SECONDS: print the output of what was asked; its status is the status.
reply()
{
	answer "$1" || machine_failed "does not answer"
	base64 -d <<<"${line#* }" | tee -a "$NBD_LOGS/guest"
	return "${line%% *}"
}

# guest SCRIPT [SECONDS]: both.
guest()
{
	ask "$1"
	reply "${2:-180}"
}

# must WHAT SCRIPT [SECONDS]: the machine has to succeed in it.
must()
{
	step "$1"
	guest "$2" "${3:-180}" >"$T/out" || {
		sed 's/^/    /' "$T/out" >&2
		fail "$1"
	}
}

# must_not WHAT SCRIPT: the machine has to fail in it.
must_not()
{
	step "$1 does not work"
	! guest "$2" >"$T/out" || fail "$1"
}

# power_off SECONDS [reboot]: it has to end within that time.
power_off()
{
	local end=$((SECONDS + $1)) began=$SECONDS

	guest 'dmesg' >"$NBD_LOGS/dmesg-$boots"
	guest "systemd-run -q --on-active=1 \
		--timer-property=AccuracySec=100ms systemctl ${2:-poweroff}" \
		>/dev/null ||
		fail "systemctl ${2:-poweroff}"
	while kill -0 "$qemu_pid" 2>/dev/null; do
		[ $SECONDS -lt $end ] || machine_failed "is on after $1 s"
		sleep 0.2
	done
	wait "$qemu_pid" || true
	qemu_pid=
	step "off after $((SECONDS - began)) s"
	! "$here/../vm/splats" <"$NBD_LOGS/dmesg-$boots" >&2 ||
		fail "faults in the kernel log"
	! "$here/../vm/splats" <"$NBD_LOGS/console-$boots" >&2 ||
		fail "faults on the console"
}

# clean FILE: the ext4 in it was unmounted and is whole.
clean()
{
	dumpe2fs -h "$1" >"$T/super" 2>/dev/null || fail "no file system"
	grep -q '^Filesystem state: *clean$' "$T/super" ||
		fail "the file system is not marked clean"
	! grep -q needs_recovery "$T/super" ||
		fail "the file system was not unmounted"
	e2fsck -fn "$1" >"$T/fsck" 2>&1 || {
		cat "$T/fsck" >&2
		fail "e2fsck finds errors"
	}
}
