#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Four threads do everything to the same few devices at once: attach, detach, read,
# write, resize, other sockets, schedulers, ioctls, connections cut, servers killed, the
# module unloaded. Nothing hangs, and afterwards everything is as after loading.
# timeout: 200
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires python3 nbdkit fio ss
storm 30
