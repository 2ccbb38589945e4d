#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nbdctl top says of each interval what status says of all time: requests and bytes
# add up, and no request takes less than the server does. Devices come, go and are
# attached anew, and no number is absurd. A table fits on a terminal, which is left
# as it was found.
# timeout: 150
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio jq setpriv
has_lines()
{
	[ "$(wc -l <"$2")" -ge "$1" ]
}
# is FILE JQ: of all lines together.
is()
{
	jq -es "$2" "$1" >/dev/null || fail "not so: $2: $(cat "$1")"
}
# total FILE KEY: of the device, over all intervals.
total()
{
	jq -s "map(.seconds * (.devices[0].$2 // 0)) | add | round" "$1"
}
# carried COUNTER: by all connections, as status says.
carried()
{
	field "$dev" "[.connections[].$1] | add"
}
# near WHAT HAVE WANT SLACK
near()
{
	[ $(($2 - $3)) -ge $((-$4)) ] && [ $(($2 - $3)) -le "$4" ] ||
		fail "$1: $2, not $3: $(cat "$T/top")"
}
# load ARG...: so many requests, not more.
load()
{
	timeout $((60 * slow)) fio --name=load --filename="$dev" --bs=4k \
		--size=32M --ioengine=libaio --iodepth=16 --direct=1 \
		--output="$T/fio.log" "$@" || fail "fio: $(cat "$T/fio.log")"
}

# Nothing is there, and what is wrong is said.
nbdctl top --json -n 2 -d 0.2 >"$T/none"
is "$T/none" 'length == 2 and all(.devices == [])'
[ "$(nbdctl top -n 1 -d 0.1 | tail -n 1)" = "no devices are attached" ] ||
	fail "it does not say that there are none"
refused 2 'between 0.1 and 3600' nbdctl top -d 0.05
refused 2 'between 0.1 and 3600' nbdctl top --delay 1s
refused 2 'not between' nbdctl top -n 0
refused 2 'not an nbd device' nbdctl top sda
refused 7 'not attached' nbdctl top nbd0

# The sums. All requests begin after the first line and end two lines before the last.
start_nbdkit unix --filter=delay memory 64M rdelay=20ms wdelay=60ms
attach -C 2 --no-partscan "$uri"
requests=$(carried requests) read=$(carried bytes_read)
written=$(carried bytes_written)
nbdctl top --json -d 1 "$dev" >"$T/all" &
top=$!
wait_for 20 has_lines 1 "$T/all" || fail "no line: $(cat "$T/all")"
load --rw=randread --number_ios=500
load --rw=randwrite --number_ios=200
dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct conv=fsync,notrunc \
	status=none
blkdiscard -l 1M "$dev"
lines=$(($(wc -l <"$T/all") + 2))
wait_for 20 has_lines $lines "$T/all" || fail "no more lines"
kill $top
head -n $lines "$T/all" >"$T/top"
requests=$(($(carried requests) - requests))
say "$requests requests in $lines intervals"
[ "$requests" -ge 600 ] || fail "only $requests requests"
near requests "$(total "$T/top" requests_per_second)" "$requests" 2
near read "$(total "$T/top" bytes_read_per_second)" \
	$(($(carried bytes_read) - read)) 100
near written "$(total "$T/top" bytes_written_per_second)" \
	$(($(carried bytes_written) - written)) 100
near errors "$(total "$T/top" errors_per_second)" 0 0
reads=$(total "$T/top" reads.per_second)
writes=$(total "$T/top" writes.per_second)
trims=$(total "$T/top" trims.per_second)
flushes=$(total "$T/top" flushes.per_second)
say "$reads reads, $writes writes, $trims trims, $flushes flushes"
[ "$reads" -ge 450 ] && [ "$writes" -ge 150 ] && [ "$trims" -ge 1 ] &&
	[ "$flushes" -ge 1 ] || fail "too few of a kind: $(cat "$T/top")"
near kinds $((reads + writes + trims + flushes)) "$requests" 8
# The milliseconds of an interval are whole ones. A flush by itself is a write, too,
# for the kernel, and the server is in no delay with it.
is "$T/top" 'map(.devices[0].reads.average_ms // empty) | length > 0 and all(. >= 18)'
is "$T/top" '[.[] | .seconds * (.devices[0] | (.writes | .per_second *
	(.average_ms // 0)) - 58 * (.writes.per_second - .flushes.per_second))] |
	add >= 0'
is "$T/top" 'map(.devices[0].trims.average_ms // empty) |
	length > 0 and all(. >= 58)'
# Half of them took less, half more, as exactly as the histogram is: the bucket of 20 ms
# begins at 16.8, that of 60 ms at 58.7.
for n in '' .connections[0] .connections[1]; do
	is "$T/top" "[.[].devices[0]$n.reads.p50_ms // empty] |
		length > 0 and all(. > 16.7)"
	is "$T/top" "[.[].devices[0]$n.writes | select(.p50_ms) | .p99_ms] |
		length > 0 and all(. > 58.7)"
done
is "$T/top" '[.[].devices[0].trims.p50_ms // empty] | length > 0 and all(. > 58.7)'
is "$T/top" '[.[].devices[0].flushes.p50_ms // empty] | length > 0'
is "$T/top" '[.[].devices[0] | .reads, .writes | select(.p50_ms) |
	.p50_ms <= .p99_ms and .p99_ms <= .p999_ms] | all'

# While it is busy: every key is there, and a device is its connections.
run_io "$dev" --rw=randread --iodepth=16
nbdctl top --json -n 3 -d 1 "$dev" >"$T/three"
is "$T/three" 'length == 3 and all(.seconds > 0 and .time > 1000000000) and
	([.[].time] | . == sort)'
# However busy the machine: none before its time.
is "$T/three" '[.[].seconds] | [.[:1], .[:2], .[:3]] | map(add) |
	.[0] >= 0.9 and .[1] >= 1.9 and .[2] >= 2.9'
is "$T/three" 'all(.devices | length == 1)'
is "$T/three" "all(.devices[0] | .device == \"$dev\" and .state == \"live\" and
	.index == ${dev#/dev/nbd} and .connections_live == 2 and
	.connections_total == 2 and .backend == \"$uri\" and .parked == 0 and
	.errors == 0 and .errors_per_second == 0)"
is "$T/three" 'all(.devices[0].connections | [.[].index] == [0, 1] and
	all((["index", "state", "state_ms", "generation", "peer", "in_flight",
	"errors", "requests_per_second", "bytes_read_per_second",
	"bytes_written_per_second", "errors_per_second", "reads", "writes",
	"trims", "flushes"] - keys) == []))'
is "$T/three" 'all(.devices[0] | .requests_per_second > 0 and
	.bytes_written_per_second == 0 and .reads.per_second > 0 and
	.reads.average_ms >= 18 and .writes.average_ms == null and
	.reads.p50_ms > 16.7 and .writes.p50_ms == null)'
is "$T/three" 'any(.devices[0].in_flight > 0)'
is "$T/three" 'all(.devices[0] | (.requests_per_second -
	([.connections[].requests_per_second] | add) | fabs) < 0.01)'
is "$T/three" 'all(.devices[0] | .bytes_read_per_second /
	(.requests_per_second * 16384) | . > 0.9 and . < 1.1)'
nbdctl top -n 2 -d 0.5 "$dev" >"$T/text"
[ "$(grep -c "^$name " "$T/text")" = 2 ] &&
	[ "$(grep -c '^DEVICE ' "$T/text")" = 2 ] &&
	! grep -q $'\033' "$T/text" || fail "no tables: $(cat -v "$T/text")"

# As an ordinary user.
chmod 755 "$T"
install -m 755 "$(command -v nbdctl)" "$T/nbdctl"
setpriv --reuid=65534 --regid=65534 --clear-groups "$T/nbdctl" top --json \
	-n 1 -d 0.5 >"$T/nobody"
is "$T/nobody" 'all(.devices[0] | .requests_per_second > 0 and
	.reads.per_second > 0)'

# On a terminal, while devices come and go.
# start_terminal ARG...: top with these.
start_terminal()
{
	/usr/bin/python3 "$(dirname "$0")/../servers/terminal" "$T/keys" \
		nbdctl top "$@" >"$T/screen" 2>&1 &
	terminal=$!
}
# frame: what was drawn last, if all of it was.
frame()
{
	sed 's/\r$//' "$T/screen" | awk -v RS='\033\\[H' '/\033\[J/ { last = $0 }
		END { gsub(/\033\[[KJ]/, "", last); printf "%s", last }'
}
shows()
{
	grep -qE -- "$1" < <(frame)
}
shows_not()
{
	[ -n "$(frame)" ] && ! shows "$1"
}
# typed KEYS
typed()
{
	printf '%s' "$1" >"$T/typed"
	mv "$T/typed" "$T/keys"
	wait_for 20 gone $terminal || fail "it goes on after a key"
	wait $terminal || fail "terminal: $(tail -n 5 "$T/screen")"
}
start_terminal -d 0.3
first=$dev first_name=$name
wait_for 20 shows "^$name +live 2/2 +[0-9.K]+ " || fail "not shown: $(frame)"
attach -C 16 --no-partscan "$uri"
second=$dev
wait_for 20 shows "^$name +live 16/16 " || fail "not shown: $(frame)"
attach -C 2 --no-partscan "$uri"
wait_for 20 shows '^not shown: 1 device, 2 connections$' ||
	fail "all is shown: $(frame)"
shows "^$first_name " || fail "the busy one is not shown: $(frame)"
detach "$second"
wait_for 20 shows_not "^(${second#/dev/} |not shown)" ||
	fail "still shown: $(frame)"
shows "^$name " || fail "the other one is not shown: $(frame)"
detach "$dev"
kill "$io_pid"
wait "$io_pid" || true
detach "$first"
wait_for 20 shows '^no devices are attached' || fail "shown: $(frame)"
typed q
grep -qx 'ended 0 terminal as before' "$T/screen" ||
	fail "after q: $(tail -n 1 "$T/screen")"
drawn=$(grep -c $'\033\\[J' "$T/screen")
say "$drawn tables drawn"
[ "$drawn" -ge 3 ] || fail "it was not drawn again and again"
# Nothing but to go home and to clear is done to the terminal.
sed -e 's/\x1b\[[HKJ]//g' -e 's/\r$//' "$T/screen" >"$T/plain"
! grep -q $'[\033\r]' "$T/plain" || fail "other escapes: $(cat -v "$T/plain")"
awk 'length > 80 { print; bad = 1 } END { exit bad }' "$T/plain" >"$T/out" ||
	fail "longer than 80 columns: $(cat "$T/out")"
awk -v RS='\033\\[J' 'gsub(/\n/, "") > 23 { exit 1 }' "$T/screen" ||
	fail "more than 23 lines"
! grep -E -- ' -[0-9]|nan|inf ' "$T/plain" || fail "absurd numbers"
start_terminal -d 3600
sleep 1
typed xq
grep -qx 'ended 0 terminal as before' "$T/screen" ||
	fail "after q in an interval: $(tail -n 1 "$T/screen")"
start_terminal -d 0.2
wait_for 20 shows '^no devices are attached' || fail "nothing is drawn"
typed $'\003'
grep -qx 'ended -2 terminal as before' "$T/screen" ||
	fail "after Ctrl-C: $(tail -n 1 "$T/screen")"

# Attached anew, with less to count than before and with more.
nbdctl top --json -d 0.2 >"$T/anew" &
top=$!
for count in 64 8 128; do
	attach -C 2 --no-partscan "$uri" nbd0
	dd if="$dev" of=/dev/null bs=4k count=$count iflag=direct status=none
	detach "$dev"
done
lines=$(($(wc -l <"$T/anew") + 2))
wait_for 20 has_lines $lines "$T/anew" || fail "no more lines"
kill $top
head -n $lines "$T/anew" >"$T/top"
is "$T/top" 'last.devices == [] and any(.devices != [])'
# shellcheck disable=SC2016 # a variable of jq
is "$T/top" 'map(.seconds as $s | .devices[] | ., .connections[] |
	.requests_per_second | select(. != null) | . * $s) |
	all(. >= 0 and . < 200)'
is "$T/top" 'map(.devices[] | .reads, .writes, .trims, .flushes |
	.per_second, .average_ms, .p50_ms, .p99_ms, .p999_ms |
	select(. != null)) | all(. >= 0 and . < 100000)'
is "$T/top" '[.[].devices[].requests_per_second] | any(. == null)'

# None of those that are named is left, whatever else there is.
attach --no-partscan "$uri" nbd1
attach --no-partscan "$uri" nbd2
nbdctl top -d 1 -n 5 nbd2 >"$T/named" &
top=$!
wait_for 20 test -s "$T/named" || fail "nothing is printed"
detach nbd2
wait $top || fail "top: status $?"
[ "$(tail -n 1 "$T/named")" = "none of these devices is attached" ] ||
	fail "it says: $(tail -n 1 "$T/named")"
detach nbd1

# What the block layer takes no time of has none, whatever its tag did before.
attach -C 2 --no-partscan "$uri"
some()
{
	dd if="$dev" of=/dev/null bs=4k count=40 iflag=direct status=none
	dd if=/dev/zero of="$dev" bs=4k count=4 oflag=direct conv=fsync,notrunc \
		status=none
}
some
timed()
{
	echo "$1" >"/sys/block/$name/queue/iostats"
}
at_exit timed 1
timed 0
nbdctl top --json -n 3 -d 1 "$dev" >"$T/untimed" &
top=$!
some
wait $top || fail "top: status $?"
is "$T/untimed" 'any(.devices[0].requests_per_second > 0)'
is "$T/untimed" 'all(.devices[0] | ., .connections[] |
	.reads.p50_ms == null and .writes.p50_ms == null and .flushes.p50_ms == null)'
detach "$dev"
nothing_left
