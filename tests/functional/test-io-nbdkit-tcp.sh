#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Attach and I/O: nbdkit over tcp.
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

io_with nbdkit tcp
