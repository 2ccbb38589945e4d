#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A network that loses, reorders, doubles and damages packets: the data are right and no
# connection is lost.
# timeout: 150
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio tc nstat
modprobe -q sch_netem || true
start_nbdkit tcp memory 32M
attach -C 4 --no-partscan "$uri"
# Small packets, so that there are enough to be lost.
ip link set lo mtu 1500
tc qdisc add dev lo root netem delay 1ms 500us loss 0.5% reorder 5% \
	duplicate 0.5% corrupt 0.2% limit 20000 ||
	skip "no netem in this kernel"
at_exit tc qdisc del dev lo root
nstat -n
verify "$dev" 16M --rw=randrw --rwmixread=30
tc -s qdisc show dev lo
nstat -s TcpRetransSegs TcpInCsumErrors TcpInErrs
count()
{
	nstat -asj "$1" | jq ".kernel.$1"
}
[ "$(count TcpRetransSegs)" -ge 10 ] || fail "hardly anything was lost"
[ "$(count TcpInCsumErrors)" -ge 1 ] || fail "nothing was damaged"
live_is 4 || fail "$(field "$dev" .connections_live) live, not 4"
expect_field "$dev" '[.connections[].failures] | add' 0
detach "$dev"
