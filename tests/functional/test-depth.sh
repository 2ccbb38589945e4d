#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# --queue-depth 4096: a connection carries as many requests at once. The server has
# all of them and answers none, and then each is answered.
# timeout: 150
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio python3
depth=4096
start_nbdkit unix -t $depth --filter=log --filter=pause memory 64M \
	logfile="$T/ops" pause-control="$T/control"
# control LETTER: pause or resume the server, and wait for its word.
control()
{
	python3 - "$T/control" "$1" <<-'EOF'
		import socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(30)
		s.connect(sys.argv[1])
		s.sendall(sys.argv[2].encode())
		sys.exit(s.recv(1) != sys.argv[2].upper().encode())
	EOF
}
# asked: how many reads the server was asked for since its log had $line lines.
asked()
{
	tail -n "+$((line + 1))" "$T/ops" | grep -c ' Read .*count='
}
has_all()
{
	[ "$(asked)" -ge $depth ]
}

attach --queue-depth $depth --timeout $((60 * slow)) --no-partscan "$uri"
expect_field "$dev" .queue_depth $depth
line=$(wc -l <"$T/ops")
control p || fail "the server does not pause"
fio --name=deep --filename="$dev" --rw=randread --bs=4k --size=64M \
	--number_ios=$depth --ioengine=libaio --iodepth=$depth --direct=1 \
	--output="$T/fio.log" &
fio=$!
wait_for 30 in_flight $depth ||
	fail "$(field "$dev" '.connections[0].in_flight') in flight, not $depth"
wait_for 30 has_all || fail "the server has $(asked) of them"
control r || fail "the server does not resume"
wait $fio || fail "fio: $(tail -n 3 "$T/fio.log")"
grep -q 'err= 0' "$T/fio.log" || fail "fio reports errors"
expect_field "$dev" '[.connections[].errors, .connections[].failures] | add' 0
detach "$dev"
idle "$dev"
