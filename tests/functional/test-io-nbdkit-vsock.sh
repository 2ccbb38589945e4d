#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Attach and I/O: nbdkit over vsock, by the loopback transport.
# leaks: yes
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

modprobe -q vsock_loopback || skip "no vsock_loopback in this kernel"
[ -e /dev/vsock ] || skip "no /dev/vsock"
io_with nbdkit vsock
