#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# URIs that ask for TLS: a clear answer, nothing attached, no plain text sent.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit tcp memory 1M
refused 1 'TLS is not supported' nbdctl attach "nbds://127.0.0.1:$port/"
refused 1 'TLS is not supported' nbdctl info "nbds://127.0.0.1:$port/"
refused 1 'TLS is not supported' \
	nbdctl attach 'nbds+unix:///?socket=/nonexistent'
refused 1 'TLS is not supported' nbdctl attach nbds+vsock://2/
nothing_left
