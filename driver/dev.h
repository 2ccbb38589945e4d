/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device: its number, its disk, who refers to it, who has it open, and what
 * state it is in.
 */
#ifndef NBD_DEV_H
#define NBD_DEV_H

#include <linux/kref.h>
#include <linux/llist.h>
#include <linux/wait.h>

#include "queue.h"

struct dentry;
struct netlink_ext_ack;

/* Shape of a disk that has no configuration, as the stock driver has it. */
#define NBD_DEFAULT_DEPTH	128
/* What the stock driver takes when nobody says anything. */
#define NBD_DEFAULT_BLOCK	1024
#define NBD_DEFAULT_FENCE_MS	5000
/* Keeps seconds times HZ within what the block layer takes. */
#define NBD_MAX_SECONDS		(INT_MAX / HZ)
/* The driver's own flush has one, see hold.c. */
#define NBD_RESERVED_TAGS	1
#define NBD_MAX_TAGS		(10240 - NBD_RESERVED_TAGS)

/**
 * struct nbd_params - what was asked for with CONNECT
 * @size: bytes
 * @block_size: logical block in bytes
 * @preferred: the server's preferred block in bytes
 * @payload_max: the server's largest payload in bytes
 * @server_flags: NBD_FLAG_*
 * @client_flags: NBD_CFLAG_*
 * @attach_flags: NBD_ATTACH_*
 * @timeout: seconds, 0 for ever
 * @dead_timeout: seconds, 0 to fail at once
 * @fence: milliseconds
 * @depth: requests in flight per connection
 * @max_request: soft limit in bytes, 0 for the default
 * @read_ahead: bytes, 0 for the default
 * @zeroes: NBD_ZEROES_*
 * @pid: who attached
 * @backend: name of what is behind the device, or NULL; owned
 * @moved_to: where that has been moved to, or NULL; owned, nbd_dev.info_lock
 */
struct nbd_params {
	u64 size;
	u32 block_size;
	u32 preferred;
	u32 payload_max;
	u64 server_flags;
	u64 client_flags;
	u32 attach_flags;
	u64 timeout;
	u64 dead_timeout;
	u32 fence;
	u32 depth;
	u32 max_request;
	u32 read_ahead;
	u32 zeroes;
	pid_t pid;
	char *backend;
	char *moved_to;
};

/**
 * struct nbd_setup - what ioctls have said so far
 * @params: for the next DO_IT; protected by nbd_dev.lock, as all of this
 * @socks: adopted, not started
 * @nr_socks: how many
 * @owner: the thread that gave the first of them, a reference
 * @node: in nbd_dev.old_setups
 */
struct nbd_setup {
	struct nbd_params params;
	struct nbd_sock socks[NBD_MAX_CONNECTIONS];
	unsigned int nr_socks;
	struct pid *owner;
	struct llist_node node;
};

/**
 * struct nbd_dev - one device
 *
 * Locks, outermost first:
 *   @lock, the disk's open_mutex, @info_lock, @link_lock, @state_lock,
 *   @queue.lock.
 * The disk's open and release run under open_mutex and take @state_lock only.
 *
 * @ref: held by the index table, by each gendisk until the block layer frees
 *	it, and by whoever works on the device
 * @index: the number in its name
 * @name: "nbdN"
 * @lock: one connect, reconfigure or disconnect at a time; a holder may wait
 *	for requests to end, never for a server
 * @info_lock: protects what status shows from going away: @params, @conns,
 *	@disk; a holder waits for memory and socket locks only
 * @link_lock: makes the decision about dead and live links, and what follows
 *	from it for the queue, one step; a holder allocates nothing
 * @state_lock: protects @state, @openers, @closed, @leftover, @last_close,
 *	@closing, @destroy and @setup
 * @state: NBD_STATE_*; between configured states it changes under @link_lock,
 *	from and to IDLE under @lock
 * @openers: open file descriptors and mounts, of partitions too
 * @state_wait: woken when @state has changed
 * @serial: NBD_ATTR_SERIAL of the present, or the last, configuration; changes
 *	under @lock and @info_lock, together with @conns
 * @by_ioctl: the present, or the last, configuration is DO_IT's; changes under
 *	@lock
 * @setup: for DO_IT, or NULL; appears under @lock, goes with the last close
 * @old_setups: of the last close, to be freed by @close_work
 * @closed: nobody may open it (its disk is being replaced, or it goes away)
 * @leftover: disconnected while open: something of it is left until the last
 *	close, and unless @by_ioctl IDLE comes after it
 * @last_close: disconnect when the last opener goes
 * @closing: that has happened, and @close_work is to do it
 * @destroy: delete it after disconnect
 * @disk: changes under @lock and @info_lock while @closed; NULL when a
 *	replacement failed
 * @debugfs: its directory while configured; changes under @lock
 * @set: the disk's tag set
 * @queue: its request queue; its connections are @conns
 * @held: requests are held while sockets are replaced; changes under @lock and
 *	@link_lock
 * @params: what was asked for; valid while configured
 * @conns: connections, allocated by connect, freed by disconnect; changes
 *	under @lock and @info_lock
 * @nr_conns: how many
 * @dead_work: the dead-link timer
 * @dead_at: jiffies when it is over; changes under @link_lock
 * @close_work: disconnect after the last close
 * @remove_work: the end of the device
 */
struct nbd_dev {
	struct kref ref;
	int index;
	char name[DISK_NAME_LEN];

	struct mutex lock;		/* changes of configuration */
	struct mutex info_lock;		/* what status shows */
	struct mutex link_lock;		/* decisions about dead links */
	spinlock_t state_lock;		/* state and openers */
	unsigned int state;
	wait_queue_head_t state_wait;
	u32 serial;
	unsigned int openers;
	bool closed;
	bool leftover;
	bool last_close;
	bool closing;
	bool destroy;
	bool held;
	bool by_ioctl;
	struct nbd_setup *setup;
	struct llist_head old_setups;

	struct gendisk *disk;
	struct dentry *debugfs;
	struct blk_mq_tag_set *set;
	struct nbd_queue queue;
	struct nbd_params params;
	struct nbd_conn **conns;
	unsigned int nr_conns;

	struct delayed_work dead_work;
	unsigned long dead_at;
	struct work_struct close_work;
	struct work_struct remove_work;
};

/**
 * struct nbd_dev_ops - what devices ask of the layer above them
 * @setup: a device was made: initialise its queue and @dead_work
 * @last_close: the last opener of a device with something left to do went.
 *	Process context, sleeps
 * @ioctl: somebody who has it open calls ioctl(2). Process context, sleeps
 */
struct nbd_dev_ops {
	void (*setup)(struct nbd_dev *dev);
	void (*last_close)(struct nbd_dev *dev);
	int (*ioctl)(struct nbd_dev *dev, unsigned int cmd, unsigned long arg);
};

int nbd_devs_setup(const struct nbd_dev_ops *ops, unsigned int count);
void nbd_devs_exit(void);
struct nbd_dev *nbd_dev_get(int index);
struct nbd_dev *nbd_dev_add(int index);
struct nbd_dev *nbd_dev_get_idle(void);
struct nbd_dev *nbd_dev_next(int *index);
void nbd_dev_put(struct nbd_dev *dev);
unsigned int nbd_dev_state(struct nbd_dev *dev);
bool nbd_state_configured(unsigned int state);
void nbd_dev_set_client_flags(struct nbd_dev *dev, u64 flags);
void nbd_dev_last_close(struct nbd_dev *dev);
int nbd_dev_ioctl(struct nbd_dev *dev, unsigned int cmd, unsigned long arg);
void nbd_dev_remove_if_done(struct nbd_dev *dev);

/* disk.c */
int nbd_disk_setup(int max_part);
void nbd_disk_exit(void);
int nbd_disk_max_index(void);
int nbd_disk_reshape(struct nbd_dev *dev, unsigned int hw_queues,
		     unsigned int depth);
unsigned int nbd_disk_tags(const struct nbd_dev *dev);
void nbd_disk_del(struct nbd_dev *dev);
void nbd_disk_show(struct nbd_dev *dev);
void nbd_disk_hide(struct nbd_dev *dev);

/* limits.c */
int nbd_limits_check(const struct nbd_params *params,
		     struct netlink_ext_ack *extack);
int nbd_limits_apply(struct nbd_dev *dev);

/* sysfs.c */
int nbd_sysfs_add(struct nbd_dev *dev);
void nbd_sysfs_del(struct nbd_dev *dev);

/* debugfs.c */
void nbd_debugfs_setup(void);
void nbd_debugfs_exit(void);
void nbd_debugfs_add(struct nbd_dev *dev);
void nbd_debugfs_del(struct nbd_dev *dev);

#endif /* NBD_DEV_H */
