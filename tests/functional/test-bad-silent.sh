#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# attach and info: a server that accepts and never says a word. The time that
# they wait has a limit.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires python3
for kind in unix tcp; do
	start_captive $kind silent
	took refused 3 'timed out' nbdctl attach --connect-timeout 2 "$uri"
	[ "$seconds" -ge 1 ] && [ "$seconds" -le $((2 + 4 * slow)) ] ||
		fail "it took $seconds s"
	refused 3 'timed out' nbdctl attach -C 4 --connect-timeout 1 "$uri"
	refused 3 'timed out' nbdctl info --connect-timeout 1 "$uri"
	nothing_left
done
# One that stops in the middle of the handshake.
start_captive tcp half
refused 3 'timed out' nbdctl attach --connect-timeout 2 "$uri"
nothing_left
