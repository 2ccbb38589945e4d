#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Malformed URIs and unknown parameters of URIs.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

for u in '' nbd 'nbd:' 'http://localhost/' 'nbd://localhost:port/' \
	'nbd://localhost:99999/' 'nbd://[::1/' 'nbd://-host/' \
	'nbd+unix:///' 'nbd+unix:///?socket=' 'nbd://localhost/%zz' \
	'nbd+vsock://abc/'; do
	refused 2 . nbdctl attach "$u"
	refused 2 . nbdctl info "$u"
done
refused 2 'colour' nbdctl attach 'nbd://localhost/?colour=blue'
refused 2 'colour' nbdctl info 'nbd+unix:///?socket=/x&colour=blue'
nothing_left
