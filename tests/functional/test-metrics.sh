#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nbdctl metrics is in the format of Prometheus, says what status says, and has no
# lines for devices when there are none.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit python3
cat >"$T/parse" <<'END'
import sys
from prometheus_client.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        labels = " ".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
        print(f"{sample.name} {labels} {int(sample.value)}")
END
# parse: a line "NAME LABEL=VALUE... NUMBER" for each, by Prometheus' own parser.
parse()
{
	nbdctl metrics >"$T/metrics"
	/usr/bin/python3 "$T/parse" <"$T/metrics" >"$T/numbers" 2>"$T/err" ||
		fail "$(cat "$T/err" "$T/metrics")"
}
expect()
{
	grep -qxF -- "$*" "$T/numbers" || fail "no '$*': $(cat "$T/numbers")"
}
parse
[ ! -s "$T/numbers" ] || fail "numbers without a device: $(cat "$T/numbers")"
start_nbdkit unix memory 16M
attach -C 2 --no-partscan "$uri" nbd1
dd if=/dev/zero of="$dev" bs=64k count=8 oflag=direct status=none
parse
expect nbd_device_info "backend=$uri" device=nbd1 state=live 1
expect nbd_device_size_bytes device=nbd1 $((16 << 20))
expect nbd_device_connections_live device=nbd1 2
for n in 0 1; do
	expect nbd_connection_requests_total connection=$n device=nbd1 \
		"$(field "$dev" ".connections[$n].requests")"
	expect nbd_connection_written_bytes_total connection=$n device=nbd1 \
		"$(field "$dev" ".connections[$n].bytes_written")"
done
kill_server "$server_pid"
wait_for 10 state_is "$dev" dead || fail "state $(field "$dev" .state)"
parse
expect nbd_device_connections_live device=nbd1 0
expect nbd_connection_failures_total connection=1 device=nbd1 1
nbdctl detach --force "$dev"
