#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Attach and I/O: qemu-nbd over unix.
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

io_with qemu-nbd unix
