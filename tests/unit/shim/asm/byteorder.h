/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SHIM_BYTEORDER_H
#define SHIM_BYTEORDER_H

#include <endian.h>

#define cpu_to_be32(x) htobe32(x)
#define cpu_to_be64(x) htobe64(x)
#define be32_to_cpu(x) be32toh(x)
#define be64_to_cpu(x) be64toh(x)

#endif
