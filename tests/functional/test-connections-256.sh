#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 256 connections, as many as there may be: what the kernel says about them fits wherever
# it is asked for, also by the monitor, which brings them back.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit jq
export NBDCTL_RUN_DIR=$T/run
nbdctl monitor 2>"$T/monitor.log" &
monitor=$!
wait_for 10 grep -q "FLOCK .* $monitor " /proc/locks || fail "the monitor does not run"
start_nbdkit unix memory 16M
attach -C 256 --persist "$uri"
expect_field "$dev" .connections_live 256
nbdctl status "$dev" >"$T/out" 2>"$T/err" || fail "status: $(cat "$T/err")"
nbdctl list >"$T/out" 2>"$T/err" || fail "list: $(cat "$T/err")"
grep -q "^$name .*256" "$T/out" || fail "list: $(cat "$T/out")"
kill -9 "$server_pid"
wait_for 10 live_is 0 || fail "$(field "$dev" .connections_live) are live"
serve_nbdkit memory 16M
wait_for 30 live_is 256 || fail "$(field "$dev" .reconnect)"
detach "$dev"
kill "$monitor"
wait "$monitor" || fail "the monitor ended with $?"
nothing_left
