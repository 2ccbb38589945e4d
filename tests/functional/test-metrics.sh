#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nbdctl metrics is in the format of Prometheus, says what status says, and has no
# lines for devices when there are none.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit python3
cat >"$T/parse" <<'END'
import sys
from prometheus_client.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        labels = " ".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
        value = sample.value
        if not sample.name.endswith("_seconds_sum"):
            value = int(value)
        print(f"{sample.name} {labels} {value}")
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
# Histograms: the eight writes, in bounds that do not go back.
seconds=nbd_device_request_seconds
expect ${seconds}_count device=nbd1 kind=write 8
expect ${seconds}_bucket device=nbd1 kind=write le=+Inf 8
expect ${seconds}_bucket device=nbd1 kind=write le=17.179869184 8
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
kill_server "$server_pid"
wait_for 10 state_is "$dev" dead || fail "state $(field "$dev" .state)"
parse
expect nbd_device_connections_live device=nbd1 0
expect nbd_connection_failures_total connection=1 device=nbd1 1
# Somebody has it open when it is detached: a device without connections.
exec 8<"$dev"
nbdctl detach --force "$dev" 2>/dev/null || true
wait_for 10 state_is "$dev" disconnecting || fail "state $(field "$dev" .state)"
parse
grep -q 'device=nbd1' "$T/numbers" || fail "the device is not shown"
! grep "^$seconds" "$T/numbers" || fail "histograms without a connection"
exec 8<&-
