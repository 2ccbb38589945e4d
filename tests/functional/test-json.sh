#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# list, status and info --json: every documented key is there and says what is
# the case; the text shows the same device.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit jq
start_nbdkit tcp memory 64M
is()
{
	jq -e "$2" "$1" >/dev/null || fail "not so: $2: $(cat "$1")"
}
nbdctl list --json >"$T/list"
is "$T/list" '.devices == []'
nbdctl status --json >"$T/status"
is "$T/status" '.devices == []'
attach -C 2 "$uri"
dd if=/dev/urandom of="$dev" bs=64k count=16 oflag=direct status=none
dd if="$dev" of=/dev/null bs=64k count=32 iflag=direct status=none

nbdctl list --json >"$T/list"
is "$T/list" '.devices | length == 1'
is "$T/list" ".devices[0] == {device: \"$dev\", index: ${dev#/dev/nbd},
	size: 67108864, state: \"live\", connections_live: 2,
	connections_total: 2, backend: \"$uri\"}"
nbdctl status --json "$dev" >"$T/status"
nbdctl status -j >"$T/all"
is "$T/all" '.devices | length == 1'
is "$T/status" '.devices[0] | (["device", "index", "size", "state",
	"connections_live", "connections_total", "backend", "moved_to", "block_size",
	"block_preferred", "payload_max", "max_request", "read_ahead",
	"wbt_lat_usec", "flags",
	"client_flags", "timeout", "dead_timeout", "fence", "partscan",
	"force_multi_conn", "no_optgo", "zeroes", "queue_depth", "hw_queues", "tags",
	"openers", "parked", "on_restart", "losses", "persist", "alternates", "reconnect",
	"pid", "connections"] -
	keys) == []'
is "$T/status" '.devices[0].connections | length == 2 and all((["index",
	"state", "state_ms", "generation", "peer", "in_flight", "requests",
	"bytes_read", "bytes_written", "errors", "failures", "last_error"] -
	keys) == [])'
is "$T/status" '.devices[0].connections | [.[].index] == [0, 1]'
is "$T/status" ".devices[0].connections | all(.state == \"live\" and
	.generation == 1 and .errors == 0 and .failures == 0 and
	.last_error == 0 and .in_flight == 0 and
	(.peer | contains(\"127.0.0.1\") and contains(\"$port\")))"
is "$T/status" '[.devices[0].connections[].bytes_written] | add == 1048576'
is "$T/status" '[.devices[0].connections[].bytes_read] | add >= 2097152'
is "$T/status" '.devices[0].flags | index("multi-conn") != null'
is "$T/status" '.devices[0].partscan and .devices[0].openers == 0 and
	.devices[0].parked == 0 and .devices[0].timeout == 30'
is "$T/status" '.devices[0] | .persist == false and .alternates == [] and
	.reconnect == null'
for verb in list status "status $dev"; do
	# shellcheck disable=SC2086 # words
	nbdctl $verb >"$T/out"
	grep -q "${dev#/dev/}" "$T/out" && grep -qF "$uri" "$T/out" ||
		fail "$verb: $(cat "$T/out")"
done
nbdctl info --json "$uri" >"$T/info"
is "$T/info" ".uri == \"$uri\" and (.exports | length == 1)"
is "$T/info" '.exports[0] | .size == 67108864 and .name == "" and
	(.flags | index("multi-conn") != null) and has("block_size")'
detach "$dev"
