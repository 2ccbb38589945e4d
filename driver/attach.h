/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connect, reconfigure, replace sockets, disconnect.
 */
#ifndef NBD_ATTACH_H
#define NBD_ATTACH_H

#include "dev.h"

/**
 * struct nbd_connect - a CONNECT
 * @index: number of the device, -1 for the first free one
 * @params: what was asked for; @params.backend is taken over on success
 * @fds: sockets, descriptors of the calling process
 * @nr_fds: how many
 * @serial: result, NBD_ATTR_SERIAL of the configuration
 */
struct nbd_connect {
	int index;
	struct nbd_params params;
	int fds[NBD_MAX_CONNECTIONS];
	unsigned int nr_fds;
	u32 serial;
};

/**
 * struct nbd_reconfigure - a RECONFIGURE; what is NULL stays as it is
 * @index: number of the device
 * @serial: NBD_ATTR_SERIAL of the configuration that is meant, 0 for any
 * @change_flags: NBD_CHANGE_*
 * @size: bytes; may only grow without NBD_CHANGE_SHRINK
 * @block_size: must be what it was
 * @server_flags: must be what they were
 * @client_flags: NBD_CFLAG_*
 * @timeout: seconds
 * @dead_timeout: seconds
 * @backend: must be what it was, and must be given if there was one
 * @moved_to: as NBD_ATTR_MOVED_TO; taken over on success
 * @fds: sockets for connections that are down; with NBD_CHANGE_REPLACE for all
 * @nr_fds: how many
 */
struct nbd_reconfigure {
	int index;
	u32 serial;
	u32 change_flags;
	const u64 *size;
	const u64 *block_size;
	const u64 *server_flags;
	const u64 *client_flags;
	const u64 *timeout;
	const u64 *dead_timeout;
	const char *backend;
	char *moved_to;
	int fds[NBD_MAX_CONNECTIONS];
	unsigned int nr_fds;
};

void nbd_attach_setup(void);
int nbd_serial_check(const struct nbd_dev *dev, u32 serial,
		     struct netlink_ext_ack *extack);
int nbd_connect(struct nbd_connect *req, struct netlink_ext_ack *extack);
int nbd_connect_open(struct nbd_dev *dev, const struct nbd_params *params,
		     struct nbd_sock *socks, unsigned int count);
int nbd_reconfigure(struct nbd_reconfigure *req,
		    struct netlink_ext_ack *extack);
int nbd_replace(struct nbd_dev *dev, const struct nbd_reconfigure *req,
		struct netlink_ext_ack *extack);
int nbd_disconnect(int index, u32 serial, u32 detach_flags,
		   struct netlink_ext_ack *extack);
void nbd_disconnect_dev(struct nbd_dev *dev);
void nbd_attach_last_close(struct nbd_dev *dev);
void nbd_set_timeout(struct nbd_dev *dev, u64 seconds);
void nbd_resize(struct nbd_dev *dev, u64 size);

#endif /* NBD_ATTACH_H */
