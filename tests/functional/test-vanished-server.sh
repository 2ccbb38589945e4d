#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A trim of 1 GiB may take more than a minute longer than --timeout, and so may a read
# behind it, as long as the server acknowledges what it is sent, even if it is stopped.
# If nothing comes any more, it is given up after --timeout, but a few packets may be lost.
# timeout: 200
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit blkdiscard sfdisk tc
timeout=3
tc qdisc add dev lo root netem loss 0% || skip "no netem in this kernel"
at_exit tc qdisc del dev lo root
start_nbdkit tcp --filter=noparallel --filter=delay memory 1100M \
	serialize=requests delay-trim=$((10 * timeout))
attach --timeout $timeout "$uri"
# On the same node the ioctl would keep the read from being sent.
printf 'start=2048, size=1GiB\nstart=2099200\n' | sfdisk -q "$dev" 2>"$T/sfdisk.log" ||
	fail "sfdisk"
blkdiscard "${dev}p1" 2>"$T/blkdiscard.log" &
trimming=$!
sleep 1
dd if="${dev}p2" of=/dev/null bs=4k count=1 iflag=direct 2>"$T/dd.log" &
reading=$!
# It is idle, and then does not take what it is sent.
kill -STOP "$server_pid"
sleep $((3 * timeout))
expect_field "$dev" .connections_live 1

tc qdisc change dev lo root netem loss 100%
dd if="${dev}p2" of=/dev/null bs=4k count=1 skip=8 iflag=direct 2>"$T/dd2.log" &
sleep 1
tc qdisc change dev lo root netem loss 0%
sleep $((2 * timeout))
expect_field "$dev" .connections_live 1
tc qdisc change dev lo root netem loss 100%
dd if="${dev}p2" of=/dev/null bs=4k count=1 skip=16 iflag=direct 2>"$T/dd3.log" &
SECONDS=0
wait $! && fail "a read from nowhere succeeded"
say "given up after $SECONDS s"
[ $SECONDS -ge $((timeout - 1)) ] || fail "given up after $SECONDS s already"
[ $SECONDS -le $((2 * timeout + 3 * slow)) ] || fail "given up after $SECONDS s only"
wait $reading && fail "the first read succeeded"
wait $trimming && fail "the trim succeeded"
grep -q "${dev#/dev/}: connection 0 .*: nothing has come for" < <(dmesg) ||
	fail "the log does not say why"
kill -9 "$server_pid"
detach --force "$dev"
