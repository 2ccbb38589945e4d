#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The server cannot flush when its connections are to be replaced: none is. nbdctl asks
# for that itself and says so; where the kernel does, whoever syncs next is told that
# writes may be lost. Then all is as before.
# leaks: yes
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires python3
servers=$(dirname "$0")/../servers
# Without the flush that nbdctl begins with.
cat >"$T/replace" <<'END'
import sys
from nbdcall import (BACKEND, CHANGE, INDEX, RECONFIGURE, REPLACE, Netlink,
                     attr, dial, sockets, u32)
new = dial(sys.argv[1])[0]
error, words, _ = Netlink().ask(
    RECONFIGURE, u32(INDEX, 0) + u32(CHANGE, REPLACE) +
    attr(BACKEND, sys.argv[2].encode() + b"\0") + sockets(new.fileno()))
sys.exit(words if error else 0)
END
start_errors unix 4
attach --no-partscan "$uri" nbd0
dd if=/dev/urandom of="$dev" bs=4k count=8 oflag=direct status=none
echo "flush 5" >"$rules"
refused 1 'the server does not flush' nbdctl reconnect --replace "$dev" "$uri"
refused 1 'nothing replaced: the server did not flush' \
	env PYTHONPATH="$servers" /usr/bin/python3 "$T/replace" "$sock" \
	"$(cat "/sys/block/$name/backend")"
expect_field "$dev" '.connections[0].generation' 1
: >"$rules"
! sync "$dev" 2>"$T/err" || fail "nobody is told of the failed flush"
grep -q 'Input/output error' "$T/err" || fail "sync says: $(cat "$T/err")"
sync "$dev" || fail "the second one fails, too"
expect_status 0 nbdctl reconnect --replace "$dev" "$uri"
expect_field "$dev" '.connections[0].generation' 2
verify "$dev" 1M
detach "$dev"
