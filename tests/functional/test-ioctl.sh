#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The ioctl interface by itself: what is refused and how, what DO_IT returns when
# the server goes, somebody disconnects or a signal comes, and that what netlink
# attached is not changed by ioctl.
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires python3 nbdkit
timeout $((60 * slow)) /usr/bin/python3 "$(dirname "$0")/../servers/ioctl" \
	/dev/nbd2 >"$T/ioctl.log" 2>&1 || fail "status $?"
idle nbd2
start_nbdkit unix memory 16M
attach "$uri"
timeout $((60 * slow)) /usr/bin/python3 "$(dirname "$0")/../servers/ioctl" \
	--netlink "$dev" >"$T/ioctl.log" 2>&1 || fail "status $?"
idle "$dev"
