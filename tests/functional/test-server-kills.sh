#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The server is killed at random and started again, under verified writes with fsync,
# with nbdctl monitor: no error, no wrong byte. NBD_KILLS says how often, NBD_PAUSES
# for how many seconds it is gone, in turn; make soak has it 50 times, after 1, 10 and
# 60 s.
# timeout: 150
# soak: 4000
# debug: soak
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio jq
if [ -n "${NBD_SOAK:-}" ]; then
	: "${NBD_KILLS:=50}" "${NBD_PAUSES:=1 10 60}"
fi
kills=${NBD_KILLS:-6}
read -ra pauses <<<"${NBD_PAUSES:-0 0.5 3}"
RANDOM=${NBD_SEED:=$((RANDOM))}
say "NBD_SEED=$NBD_SEED"
export NBDCTL_RUN_DIR=$T/run
transports=(tcp unix)
transport=${transports[RANDOM % 2]}
say "over $transport"
truncate -s 64M "$T/disk"
start_nbdkit "$transport" file "$T/disk"
attach -C 4 --persist --no-partscan "$uri"
nbdctl monitor 2>"$T/monitor.log" &
monitor=$!
run_io "$dev" --rw=randwrite --bsrange=4k-64k --size=64M --fsync=16 --iodepth=16 \
	--verify=crc32c --verify_backlog=64 --verify_fatal=1 --runtime=36000
for ((i = 0; i < kills; i++)); do
	sleep "$((RANDOM % 2)).$((RANDOM % 1000))"
	gone "$io_pid" && fail "fio has ended: $(cat "$T/io.log" "$T/io.out")"
	kill -9 "$server_pid"
	sleep "${pauses[i % ${#pauses[@]}]}"
	served_before=$(served "$dev")
	serve_nbdkit file "$T/disk"
	wait_for 15 live_is 4 ||
		fail "kill $i: $(field "$dev" .connections_live) live, not 4"
	wait_for 15 has_served "$dev" || fail "kill $i: the I/O does not go on"
done
kill -INT "$io_pid"
wait "$io_pid" || true
grep -q 'err= 0' "$T/io.log" || fail "fio found errors: $(cat "$T/io.log")"
expect_field "$dev" '[.connections[].failures] | min' "$kills"
say "$kills kills, $(served "$dev") requests, 0 errors"
verify "$dev" 8M
kill "$monitor"
wait "$monitor" || fail "the monitor ended with $?"
detach "$dev"
