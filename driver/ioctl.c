// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctl interface: a program that has the disk open says one thing after the
 * other (SET_SIZE, SET_SOCK, ...) and then stays in DO_IT for as long as the
 * device is attached.
 *
 * What it said is kept in nbd_dev.setup until the last close, so that DO_IT can
 * follow DO_IT; the sockets are used up by each.
 */
#include <linux/capability.h>
#include <linux/freezer.h>
#include <linux/overflow.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>

#include "ioctl.h"

/* --- what was said --------------------------------------------------- */

static struct nbd_setup *nbd_setup_alloc(void)
{
	struct nbd_setup *setup = kvzalloc(sizeof(*setup), GFP_KERNEL);

	if (!setup)
		return NULL;
	setup->params.block_size = NBD_DEFAULT_BLOCK;
	setup->params.payload_max = NBD_DEFAULT_PAYLOAD_MAX;
	setup->params.fence = NBD_DEFAULT_FENCE_MS;
	setup->params.depth = NBD_DEFAULT_DEPTH;
	return setup;
}

static void nbd_setup_clear(struct nbd_setup *setup)
{
	unsigned int i;

	for (i = 0; i < setup->nr_socks; i++)
		nbd_sock_drop(&setup->socks[i]);
	setup->nr_socks = 0;
	put_pid(setup->owner);
	setup->owner = NULL;
}

static void nbd_setup_free(struct nbd_setup *setup)
{
	nbd_setup_clear(setup);
	kvfree(setup);
}

/**
 * nbd_ioctl_last_close() - nbd_dev_ops.last_close
 * @dev: the device
 *
 * Context: process, sleeps.
 */
void nbd_ioctl_last_close(struct nbd_dev *dev)
{
	struct llist_node *list = llist_del_all(&dev->old_setups);
	struct nbd_setup *setup, *next;

	llist_for_each_entry_safe(setup, next, list, node)
		nbd_setup_free(setup);
	nbd_attach_last_close(dev);
}

/* The device's setup, made if there is none. */
static struct nbd_setup *nbd_setup_of(struct nbd_dev *dev)
	__must_hold(&dev->lock)
{
	struct nbd_setup *setup = dev->setup;

	if (setup)
		return setup;
	setup = nbd_setup_alloc();
	if (!setup)
		return ERR_PTR(-ENOMEM);
	spin_lock(&dev->state_lock);
	dev->setup = setup;
	spin_unlock(&dev->state_lock);
	return setup;
}

/*
 * Has another thread given sockets? One that is gone will not come back for them,
 * but for DO_IT, which a child may do.
 */
static bool nbd_is_anothers(struct nbd_setup *setup)
{
	bool alive;

	if (!setup->owner || setup->owner == task_pid(current))
		return false;
	rcu_read_lock();
	alive = pid_task(setup->owner, PIDTYPE_PID);
	rcu_read_unlock();
	if (!alive)
		nbd_setup_clear(setup);
	return alive;
}

/* --- SET_* ----------------------------------------------------------- */

static int nbd_set_size(struct nbd_dev *dev, struct nbd_setup *setup, u64 size)
{
	if (size > S64_MAX)
		return -EINVAL;
	setup->params.size = size;
	if (nbd_state_configured(nbd_dev_state(dev)))
		nbd_resize(dev, size);
	return 0;
}

static int nbd_set_blocks(struct nbd_dev *dev, struct nbd_setup *setup,
			  u64 blocks)
{
	u64 size;

	if (check_mul_overflow(blocks, (u64)setup->params.block_size, &size))
		return -EINVAL;
	return nbd_set_size(dev, setup, size);
}

/* What cannot change while requests travel may be said once more. */
static int nbd_unchanged(struct nbd_dev *dev, u64 now, u64 wanted)
{
	if (nbd_state_configured(nbd_dev_state(dev)) && now != wanted)
		return -EBUSY;
	return 0;
}

static int nbd_set_block_size(struct nbd_dev *dev, struct nbd_setup *setup,
			      unsigned long size)
{
	int ret;

	if (!size)
		size = NBD_DEFAULT_BLOCK;
	/* Larger blocks the page cache would not see while this one is open. */
	if (size < SECTOR_SIZE || size > PAGE_SIZE || !is_power_of_2(size))
		return -EINVAL;
	ret = nbd_unchanged(dev, setup->params.block_size, size);
	if (!ret)
		setup->params.block_size = size;
	return ret;
}

static int nbd_set_flags(struct nbd_dev *dev, struct nbd_setup *setup,
			 unsigned long flags)
{
	int ret = nbd_unchanged(dev, setup->params.server_flags, flags);

	if (!ret)
		setup->params.server_flags = flags;
	return ret;
}

static int nbd_set_seconds(struct nbd_dev *dev, struct nbd_setup *setup,
			   unsigned long seconds)
{
	if (seconds > NBD_MAX_SECONDS)
		return -EINVAL;
	setup->params.timeout = seconds;
	if (nbd_state_configured(nbd_dev_state(dev)))
		nbd_set_timeout(dev, seconds);
	return 0;
}

static int nbd_set_sock(struct nbd_dev *dev, struct nbd_setup *setup,
			unsigned long fd)
{
	int ret;

	if (nbd_dev_state(dev) != NBD_STATE_IDLE)
		return -EBUSY;
	if (setup->nr_socks == NBD_MAX_CONNECTIONS)
		return -E2BIG;
	if (fd > INT_MAX)
		return -EBADF;
	ret = nbd_sock_adopt(&setup->socks[setup->nr_socks], fd, NULL);
	if (ret)
		return ret;
	setup->nr_socks++;
	if (!setup->owner)
		setup->owner = get_pid(task_pid(current));
	return 0;
}

static int nbd_set(struct nbd_dev *dev, unsigned int cmd, unsigned long arg)
	__must_hold(&dev->lock)
{
	struct nbd_setup *setup;

	if (nbd_state_configured(nbd_dev_state(dev)) && !dev->by_ioctl)
		return -EINVAL;
	setup = nbd_setup_of(dev);
	if (IS_ERR(setup))
		return PTR_ERR(setup);
	/* Two programs that both mean to attach it. */
	if (nbd_is_anothers(setup))
		return -EBUSY;
	switch (cmd) {
	case NBD_SET_SOCK:
		return nbd_set_sock(dev, setup, arg);
	case NBD_SET_BLKSIZE:
		return nbd_set_block_size(dev, setup, arg);
	case NBD_SET_SIZE:
		return nbd_set_size(dev, setup, arg);
	case NBD_SET_SIZE_BLOCKS:
		return nbd_set_blocks(dev, setup, arg);
	case NBD_SET_TIMEOUT:
		return nbd_set_seconds(dev, setup, arg);
	default:
		return nbd_set_flags(dev, setup, arg);
	}
}

/* --- DO_IT and its end ----------------------------------------------- */

static int nbd_start(struct nbd_dev *dev, u32 *serial)
	__must_hold(&dev->lock)
{
	const u64 shareable = NBD_FLAG_CAN_MULTI_CONN | NBD_FLAG_READ_ONLY;
	struct nbd_setup *setup = dev->setup;
	int ret;

	if (nbd_state_configured(nbd_dev_state(dev)))
		return -EBUSY;
	if (!setup || !setup->nr_socks)
		return -EINVAL;
	if (setup->nr_socks > 1 && !(setup->params.server_flags & shareable)) {
		pr_err_ratelimited("%s: the server does not allow several connections\n",
				   dev->name);
		return -EINVAL;
	}
	setup->params.preferred = setup->params.block_size;
	setup->params.pid = task_pid_nr(current);
	ret = nbd_connect_open(dev, &setup->params, setup->socks,
			       setup->nr_socks);
	/* What was not used up is no good for another try. */
	nbd_setup_clear(setup);
	*serial = dev->serial;
	return ret;
}

/* Is the configuration that has this number over, or about to be? */
static bool nbd_is_over(struct nbd_dev *dev, u32 serial)
{
	unsigned int state = nbd_dev_state(dev);

	return READ_ONCE(dev->serial) != serial ||
	       !nbd_state_configured(state) || state == NBD_STATE_DEAD;
}

/* Why no connection is left. */
static int nbd_reason(struct nbd_dev *dev)
	__must_hold(&dev->lock)
{
	unsigned int i;
	int error;

	for (i = 0; i < dev->nr_conns; i++) {
		error = READ_ONCE(dev->conns[i]->last_error);
		if (error)
			return error;
	}
	return -EPIPE;
}

/* Whoever disconnected it, if somebody did, wanted DO_IT to end: no error. */
static int nbd_finish(struct nbd_dev *dev, u32 serial, int interrupted)
{
	int ret = 0;

	mutex_lock(&dev->lock);
	if (dev->serial == serial &&
	    nbd_state_configured(nbd_dev_state(dev))) {
		/* It cannot go on where it was, so no ERESTARTSYS. */
		ret = interrupted ? -EINTR : nbd_reason(dev);
		nbd_disconnect_dev(dev);
	}
	mutex_unlock(&dev->lock);
	return ret;
}

static int nbd_do_it(struct nbd_dev *dev)
{
	u32 serial;
	int ret;

	if (mutex_lock_killable(&dev->lock))
		return -EINTR;
	ret = nbd_start(dev, &serial);
	mutex_unlock(&dev->lock);
	if (ret)
		return ret;
	/* A machine that suspends is no reason to disconnect. */
	ret = wait_event_freezable(dev->state_wait, nbd_is_over(dev, serial));
	return nbd_finish(dev, serial, ret);
}

static int nbd_stop(struct nbd_dev *dev, unsigned int cmd)
	__must_hold(&dev->lock)
{
	if (nbd_state_configured(nbd_dev_state(dev)))
		nbd_disconnect_dev(dev);
	else if (cmd == NBD_CLEAR_SOCK && dev->setup &&
		 !nbd_is_anothers(dev->setup))
		nbd_setup_clear(dev->setup);
	return 0;
}

static int nbd_ioctl_locked(struct nbd_dev *dev, unsigned int cmd,
			    unsigned long arg)
	__must_hold(&dev->lock)
{
	switch (cmd) {
	case NBD_DISCONNECT:
	case NBD_CLEAR_SOCK:
		return nbd_stop(dev, cmd);
	default:
		return nbd_set(dev, cmd, arg);
	}
}

/**
 * nbd_ioctl() - nbd_dev_ops.ioctl
 * @dev: a device that is open
 * @cmd: NBD_SET_SOCK, NBD_DO_IT, ...
 * @arg: its argument
 *
 * As in the stock driver, but: DO_IT says with -EPIPE, -ECONNRESET, -ETIMEDOUT,
 * ... why the last connection was lost, where the stock driver says 0 as for a
 * disconnect; after a signal it is not restarted; SET_SOCK, another block size or
 * other flags while attached are refused, and so is a device that others have
 * open if it would become another one; a second program cannot change what the
 * first has said before its DO_IT; what is no ioctl of ours is -ENOTTY.
 *
 * Context: process, sleeps; DO_IT for as long as the device is attached.
 * Return: 0; -EPERM without CAP_SYS_ADMIN; -ENOTTY for what is no ioctl of
 * ours; -EINVAL for a bad value, a setting of a device attached by netlink, or
 * DO_IT without a socket; -EBUSY for what cannot change while attached or while
 * another thread attaches it, and for DO_IT of what is attached; -E2BIG for more
 * than NBD_MAX_CONNECTIONS sockets; what nbd_sock_adopt() says; for DO_IT besides
 * -EINTR, what nbd_connect_open() says and what is said above; -ENOMEM.
 */
int nbd_ioctl(struct nbd_dev *dev, unsigned int cmd, unsigned long arg)
{
	int ret;

	if (cmd < NBD_SET_SOCK || cmd > NBD_SET_FLAGS)
		return -ENOTTY;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	switch (cmd) {
	case NBD_DO_IT:
		return nbd_do_it(dev);
	case NBD_CLEAR_QUE:
	case NBD_PRINT_DEBUG:
		return 0;
	}
	if (mutex_lock_killable(&dev->lock))
		return -EINTR;
	ret = nbd_ioctl_locked(dev, cmd, arg);
	mutex_unlock(&dev->lock);
	return ret;
}
