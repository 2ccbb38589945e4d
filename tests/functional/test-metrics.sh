#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nbdctl metrics is in the format of Prometheus, says what status says, and has no
# lines for devices when there are none.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit jq python3
servers=$(dirname "$0")/../servers
coproc /usr/bin/python3 "$servers/prometheus" 2>"$T/prometheus.log"
# read_by_prometheus [STATUS]: $T/numbers is what it takes $T/metrics for.
read_by_prometheus()
{
	local said

	echo "$T/metrics $T/numbers $*" >&"${COPROC[1]}"
	IFS= read -r said <&"${COPROC[0]}" || fail "nobody reads"
	[ "$said" = good ] || fail "$said"
}
# parse: a line "NAME LABEL=VALUE... NUMBER" for each, by Prometheus' own parser.
parse()
{
	nbdctl metrics >"$T/metrics"
	read_by_prometheus
}
# agree: the same, and of the device that attach took it says what status does.
agree()
{
	nbdctl metrics >"$T/metrics"
	nbdctl status --json "$dev" >"$T/status"
	read_by_prometheus "$T/status"
}
expect()
{
	grep -qxF -- "$*" "$T/numbers" || fail "no '$*': $(grep "^$1 " "$T/numbers")"
}
# expect_sum NAME NUMBER: of all connections of the device that attach took.
expect_sum()
{
	local have

	have=$(awk -v name="nbd_connection_$1" -v device="device=$name" \
		'$1 == name && $3 == device { n += $4 } END { print n + 0 }' "$T/numbers")
	[ "$have" = "$2" ] || fail "$1 of $name: $have, not $2"
}
seconds=nbd_device_request_seconds
parse
[ ! -s "$T/numbers" ] || fail "numbers without a device: $(cat "$T/numbers")"
grep '^# [HT]' "$T/metrics" >"$T/families"
start_nbdkit unix memory 16M
first_pid=$server_pid
attach -C 2 --no-partscan "$uri" nbd1
dd if=/dev/zero of="$dev" bs=64k count=8 oflag=direct status=none
dd if="$dev" of=/dev/null bs=4k count=5 iflag=direct status=none
agree
expect nbd_device_info "backend=$uri" device=nbd1 state=live 1
expect nbd_device_size_bytes device=nbd1 $((16 << 20))
expect nbd_device_connections_live device=nbd1 2
expect nbd_device_openers device=nbd1 0
expect_sum requests_total 13
expect_sum written_bytes_total $((8 << 16))
expect_sum read_bytes_total $((5 << 12))
expect_sum in_flight 0
expect_sum live 2
for n in 0 1; do
	expect nbd_connection_requests_total connection=$n device=nbd1 \
		"$(field "$dev" ".connections[$n].requests")"
	expect nbd_connection_written_bytes_total connection=$n device=nbd1 \
		"$(field "$dev" ".connections[$n].bytes_written")"
done
# Histograms: the eight writes, in bounds that do not go back.
expect ${seconds}_count device=nbd1 kind=write 8
expect ${seconds}_bucket device=nbd1 kind=write le=+Inf 8
expect ${seconds}_bucket device=nbd1 kind=write le=17.179869184 8
expect ${seconds}_count device=nbd1 kind=read 5
expect ${seconds}_count device=nbd1 kind=trim 0
awk '
$1 == "'$seconds'_bucket" && $3 == "kind=write" {
	if ($5 < last)
		exit 1
	last = $5
}
$1 == "'$seconds'_sum" && $3 == "kind=write" { sum = $4 }
END { exit !(last == 8 && sum > 0 && sum < 60) }' "$T/numbers" ||
	fail "$(grep $seconds "$T/numbers")"
# Read by somebody to whom nothing is answered.
one_in_flight()
{
	[ "$(field "$dev" '[.connections[].in_flight] | add')" = 1 ]
}
kill -STOP "$server_pid"
dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct status=none &
reader=$!
wait_for 10 one_in_flight || fail "$(nbdctl status "$dev")"
agree
expect_sum in_flight 1
expect nbd_device_openers device=nbd1 1
kill -CONT "$server_pid"
wait $reader || fail "the read failed"

# A second device, whose server answers errors.
start_nbdkit unix --filter=error memory 8M error-pwrite=ENOSPC error-pwrite-rate=1
attach --no-partscan "$uri" nbd2
for n in 1 2 3; do
	! dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct 2>"$T/dd.log" ||
		fail "write $n went through"
done
dd if="$dev" of=/dev/null bs=4k count=2 iflag=direct status=none
agree
expect nbd_connection_errors_total connection=0 device=nbd2 3
expect nbd_connection_read_bytes_total connection=0 device=nbd2 $((2 << 12))
expect_sum requests_total 5
expect nbd_device_size_bytes device=nbd1 $((16 << 20))
grep '^# [HT]' "$T/metrics" | diff "$T/families" - >"$T/diff" ||
	fail "other families than without a device: $(cat "$T/diff")"
detach "$dev"

# A third one, whose server is gone for a while, and forgets a write.
truncate -s 16M "$T/disk"
listen_on unix
serve()
{
	serve_nbdkit --filter=cache file "$T/disk" cache=writeback
}
waits()
{
	[ "$(field "$dev" .parked)" = 1 ]
}
serve
attach --no-partscan --dead-timeout 100 "$uri" nbd3
dd if=/dev/urandom of="$dev" bs=4k count=1 oflag=direct conv=notrunc status=none
agree
expect nbd_device_possible_losses_total device=nbd3 0
expect nbd_device_parked_requests device=nbd3 0
kill -9 "$server_pid"
wait_for 10 state_is "$dev" parked || fail "state $(field "$dev" .state)"
dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct status=none &
reader=$!
wait_for 10 waits || fail "$(field "$dev" .parked) requests wait, not 1"
agree
expect nbd_device_parked_requests device=nbd3 1
expect nbd_device_connections_live device=nbd3 0
expect_sum failures_total 1
serve
expect_status 0 nbdctl reconnect "$dev"
wait $reader || fail "the read failed"
sync "$dev" || fail "cannot flush"
agree
expect nbd_device_parked_requests device=nbd3 0
expect nbd_device_possible_losses_total device=nbd3 1
expect nbd_connection_live connection=0 device=nbd3 1
detach "$dev"

# A fourth one, whose backend has all that a label cannot have as it is, or is no text.
cat >"$T/connect" <<'END'
import sys
from nbdcall import (BACKEND, CONNECT, INDEX, SIZE, Netlink, attr, dial, sockets, u32,
                     u64)
sock, size, _ = dial(sys.argv[1])
with open(sys.argv[2], "rb") as file:
    backend = file.read()
error, words, _ = Netlink().ask(
    CONNECT, u32(INDEX, 4) + u64(SIZE, size) + attr(BACKEND, backend + b"\0") +
    sockets(sock.fileno()))
sys.exit(f"{error} {words}" if error else 0)
END
printf '"a" \\ b\n\\nc\\"d, {e="\303\251"} 1\t\r\n# HELP nbd\134' >"$T/backend1"
printf '"a" \\ \303(\377' >"$T/backend2"
dev=/dev/nbd4 name=nbd4
for n in 1 2; do
	PYTHONPATH=$servers /usr/bin/python3 "$T/connect" "$sock" "$T/backend$n" ||
		fail "cannot connect"
	agree
	detach "$dev"
done

kill_server "$first_pid"
dev=/dev/nbd1 name=nbd1
wait_for 10 state_is "$dev" dead || fail "state $(field "$dev" .state)"
agree
expect nbd_device_connections_live device=nbd1 0
expect_sum live 0
expect nbd_connection_failures_total connection=1 device=nbd1 1
# Somebody has it open when it is detached: a device without connections.
exec 8<"$dev"
nbdctl detach --force "$dev" 2>/dev/null || true
wait_for 10 state_is "$dev" disconnecting || fail "state $(field "$dev" .state)"
parse
grep -q 'device=nbd1' "$T/numbers" || fail "the device is not shown"
! grep "^$seconds" "$T/numbers" || fail "histograms without a connection"
exec 8<&-
