#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Unknown verbs and options, values that make no sense.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

refused 2 'attach' nbdctl attach
refused 2 . nbdctl attach nbd://localhost/ nbd0 nbd1
refused 2 'frobnicate' nbdctl frobnicate
refused 2 'frobnicate' nbdctl attach --frobnicate nbd://localhost/
for o in '-C 0' '-C 257' '-C x' '-b 0' '-b 511' '--timeout -1' \
	'--timeout 1x' '--queue-depth 0' '--queue-depth 10240' '--queue-depth 99999999999' \
	'--dead-timeout 18446744073709551616' '--max-request 1' \
	'--read-ahead 1E' '--zeroes maybe' '--zeroes'; do
	# shellcheck disable=SC2086 # an option and its value
	refused 2 . nbdctl attach $o nbd+unix:///?socket=/nonexistent
done
refused 2 'dead-timeout.*2147483' nbdctl attach --dead-timeout 2147484 nbd://localhost/
# As nbd-client would have them, behind the operand.
refused 2 'unknown option -p' nbdctl attach nbd://localhost/ -persist
refused 2 'unknown option --re' nbdctl attach nbd://localhost/ --re
refused 2 'force=yes: no value' nbdctl detach nbd0 --force=yes
refused 2 . nbdctl detach
refused 2 . nbdctl detach --all nbd0
refused 2 'partition' nbdctl detach /dev/nbd0p1
refused 2 . nbdctl detach /dev/null
nothing_left
