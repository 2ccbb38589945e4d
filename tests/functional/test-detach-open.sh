#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# detach refuses a device that a process has open, names the process, and works
# once it is closed.
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix memory 16M
attach "$uri"
sleep 1000 5<"$dev" &
holder=$!
refused_attached 6 "process $holder \(sleep\)" nbdctl detach "$dev"
kill $holder
wait $holder || true
detach "$dev"
idle "$dev"

# So it does for one that is disconnected already.
attach "$uri"
sleep 1000 5<"$dev" &
holder=$!
detach --force "$dev"
took refused 6 "process $holder \(sleep\)" nbdctl detach "$dev"
[ "$seconds" -le $((10 * slow)) ] || fail "after $seconds s"
kill $holder
wait $holder || true
wait_for 10 not_attached "$name" || fail "still attached"
