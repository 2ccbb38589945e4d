#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# URIs that ask for TLS: a clear answer, nothing attached, no plain text sent.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires python3 nbdkit
start_nbdkit tcp memory 1M
refused 1 'TLS is not supported' nbdctl attach "nbds://127.0.0.1:$port/"
refused 1 'TLS is not supported' nbdctl info "nbds://127.0.0.1:$port/"
refused 1 'TLS is not supported' \
	nbdctl attach 'nbds+unix:///?socket=/nonexistent'
refused 1 'TLS is not supported' nbdctl attach nbds+vsock://2/
nothing_left

# Nor is a device that is attached connected in the clear to a server of TLS, or to
# what is no server.
cat >"$T/move" <<'END'
import sys
from nbdcall import BACKEND, INDEX, MOVED_TO, RECONFIGURE, Netlink, attr, u32
with open("/sys/block/nbd0/backend", "rb") as f:
    backend = f.read()[:-1]
error, words, _ = Netlink().ask(
    RECONFIGURE, u32(INDEX, 0) + attr(BACKEND, backend + b"\0") +
    attr(MOVED_TO, sys.argv[1].encode() + b"\0"))
sys.exit(words if error else 0)
END
move()
{
	PYTHONPATH="$(dirname "$0")/../servers" /usr/bin/python3 "$T/move" "$1" ||
		fail "cannot move it to $1"
}
start_nbdkit unix memory 16M
attach "$uri" nbd0
move "nbds+unix:///?socket=$sock"
for verb in resize "reconnect --replace"; do
	# shellcheck disable=SC2086 # words
	refused_attached 1 'TLS' nbdctl $verb "$dev"
done
move "my disk"
refused_attached 5 'my disk is not the URI of a server' nbdctl resize "$dev"
move ''
expect_status 0 nbdctl reconnect --replace "$dev"
detach "$dev"
