#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Four threads do everything to the same few devices at once: attach, detach, read,
# write, resize, other sockets, schedulers, ioctls, connections cut, servers killed, the
# module unloaded. Nothing hangs, and afterwards everything is as after loading.
# timeout: 200
# soak: 4000
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires python3 nbdkit fio ss
[ -z "${NBD_SOAK:-}" ] || NBD_STORM_SECONDS=${NBD_STORM_SECONDS:-3600}
storm 20
