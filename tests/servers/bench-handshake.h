/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The handshake of the lean server. */
#ifndef BENCH_HANDSHAKE_H
#define BENCH_HANDSHAKE_H

#include <sys/uio.h>

#include <linux/nbd.h>

#include "../../helper/handshake.h"
#include "../../helper/wire.h"

#define PAYLOAD_MAX	NBD_DEFAULT_MAXIMUM

bool send_all(int fd, struct iovec *iov, unsigned int n);
bool handshake(int fd, u64 size);

#endif /* BENCH_HANDSHAKE_H */
