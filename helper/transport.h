/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses, non-blocking sockets and deadlines. */
#ifndef NBDCTL_TRANSPORT_H
#define NBDCTL_TRANSPORT_H

#include <sys/socket.h>

#include "common.h"
#include "err.h"
#include "uri.h"

#define MAX_ADDRESSES	16
#define TRANSPORT_PEER_MAX	128	/* as the kernel's own */

struct address {
	struct sockaddr_storage sa;
	socklen_t len;
};

struct addresses {
	struct address a[MAX_ADDRESSES];
	size_t n;
};

s64 deadline_in(s64 milliseconds);
s64 deadline_left(s64 deadline);

int transport_resolve(const struct uri *uri, s64 deadline,
		      struct addresses *list, struct err *err);
int transport_start(const struct address *address, int *fd);
int transport_result(int fd);
void transport_tune(int fd);
void transport_prefer(struct addresses *list, const char *peer);
char *transport_peer(int fd, char *dst, size_t size);
bool transport_send_all(int fd, const void *data, size_t len);

#endif /* NBDCTL_TRANSPORT_H */
