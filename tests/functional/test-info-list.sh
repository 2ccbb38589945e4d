#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# info --list: all exports, from a server with two and from one that knows
# descriptions; nothing is attached.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbd-server qemu-nbd jq
truncate -s 1M "$T/one"
truncate -s 2M "$T/two"
start_nbd_server tcp "$T/one" "$T/two"
nbdctl info --connect-timeout $((20 * slow)) --list --json "nbd://127.0.0.1:$port" >"$T/info"
jq -e '[.exports[] | .name] | sort == ["disk", "other"]' "$T/info" >/dev/null ||
	fail "nbd-server: $(cat "$T/info")"
nbdctl info --connect-timeout $((20 * slow)) --json "nbd://127.0.0.1:$port/other" >"$T/info"
jq -e '.exports[0] | .size == 2097152 and (.flags | index("read-only"))' \
	"$T/info" >/dev/null || fail "other: $(cat "$T/info")"
nbdctl info --connect-timeout $((20 * slow)) --list "nbd://127.0.0.1:$port" >"$T/out"
grep -q disk "$T/out" && grep -q other "$T/out" || fail "$(cat "$T/out")"

listen_on unix
qemu-nbd --fork --pid-file="$T/pid" -t -x name -D 'for tests' -f raw -k "$sock" \
	"$T/one"
took_pid "$T/pid"
nbdctl info --connect-timeout $((20 * slow)) --list --json "$uri" >"$T/info"
jq -e '.exports == [.exports[0]] and (.exports[0] | .name == "name" and
	.description == "for tests" and .size == 1048576 and
	.block_size.minimum == 1 and .block_size.preferred == 4096 and
	.block_size.maximum == 33554432)' "$T/info" >/dev/null ||
	fail "qemu-nbd: $(cat "$T/info")"
wait_for 5 no_connection_left || fail "left: $(established)"
nothing_left
