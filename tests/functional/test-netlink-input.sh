#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever the netlink family must refuse is refused with the right errno and in
# words, and nothing is attached or changed by it; who is not root, or root in a
# user namespace only, may look and not touch.
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires python3 unshare setpriv
input()
{
	timeout $((60 * slow)) "$@" >"$T/input.log" 2>&1 ||
		fail "$*: $(tail -n 1 "$T/input.log")"
	grep -q 'all as expected' "$T/input.log" ||
		fail "$*: did not come to its end"
}
script=$(dirname "$0")/../servers/netlink-input
input /usr/bin/python3 "$script" refused 3
nothing_attached
input /usr/bin/python3 "$script" root 3
nothing_attached
chmod 755 "$T"
input setpriv --reuid 65534 --regid 65534 --clear-groups \
	/usr/bin/python3 "$script" user 3
input setpriv --reuid 65534 --regid 65534 --clear-groups \
	unshare -Ur /usr/bin/python3 "$script" user 3
input unshare -Ur /usr/bin/python3 "$script" user 3
nothing_attached
idle nbd3
