// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dead and live links.
 *
 *   CONNECTING -> LIVE <-> PARKED -> DEAD -> LIVE ... -> DISCONNECTING
 *
 * LIVE: a connection is live. PARKED: none is, requests wait until the
 * dead-link timer fires. DEAD: none is, requests fail; a new socket revives
 * the device.
 */
#include <linux/printk.h>

#include "link.h"

void (*nbd_link_dead)(struct nbd_dev *dev);

static struct nbd_dev *nbd_link_dev(struct nbd_queue *q)
{
	return container_of(q, struct nbd_dev, queue);
}

static void nbd_link_set(struct nbd_dev *dev, unsigned int state)
	__must_hold(&dev->link_lock)
{
	spin_lock(&dev->state_lock);
	WRITE_ONCE(dev->state, state);
	spin_unlock(&dev->state_lock);
	wake_up_all(&dev->state_wait);
}

static void nbd_link_live(struct nbd_dev *dev)
	__must_hold(&dev->link_lock)
{
	unsigned int old = dev->state;

	nbd_link_set(dev, NBD_STATE_LIVE);
	cancel_delayed_work(&dev->dead_work);
	if (old != NBD_STATE_LIVE)
		pr_info("%s: %u of %u connections are live\n", dev->name,
			nbd_queue_live(&dev->queue), dev->nr_conns);
	nbd_queue_set_mode(&dev->queue, NBD_QUEUE_RUN);
}

/* nbdctl reconnect knows the server of what nbdctl attached, which has a name. */
static const char *nbd_link_hope(const struct nbd_dev *dev)
{
	if (dev->by_ioctl)
		return "";
	return READ_ONCE(dev->params.backend) ?
	       " until nbdctl reconnect gives it one" :
	       " until it is detached and attached anew";
}

static void nbd_link_die(struct nbd_dev *dev)
	__must_hold(&dev->link_lock)
{
	if (dev->state == NBD_STATE_DEAD)
		return;
	nbd_link_set(dev, NBD_STATE_DEAD);
	pr_err("%s: no connection is left, I/O fails%s\n", dev->name,
	       nbd_link_hope(dev));
	nbd_queue_set_mode(&dev->queue, NBD_QUEUE_FAIL);
}

static void nbd_link_park(struct nbd_dev *dev)
	__must_hold(&dev->link_lock)
{
	if (dev->state != NBD_STATE_LIVE)
		return;
	nbd_link_set(dev, NBD_STATE_PARKED);
	pr_warn("%s: no connection is left, I/O waits %llu s for a new one\n",
		dev->name, dev->params.dead_timeout);
	dev->dead_at = jiffies + dev->params.dead_timeout * HZ;
	queue_delayed_work(nbd_recovery_wq, &dev->dead_work,
			   dev->params.dead_timeout * HZ);
}

static void nbd_link_decide(struct nbd_dev *dev)
	__must_hold(&dev->link_lock)
{
	/* nbd_link_unhold() will. */
	if (dev->held)
		return;
	if (nbd_queue_live(&dev->queue))
		nbd_link_live(dev);
	else if (dev->params.dead_timeout)
		nbd_link_park(dev);
	else
		nbd_link_die(dev);
}

/**
 * nbd_link_update() - connections came or went: draw the conclusions
 * @dev: the device; one that is not configured is left alone
 *
 * Context: process, may sleep for a socket lock, never for the network.
 */
void nbd_link_update(struct nbd_dev *dev)
{
	mutex_lock(&dev->link_lock);
	if (nbd_state_configured(dev->state))
		nbd_link_decide(dev);
	mutex_unlock(&dev->link_lock);
}

static bool nbd_link_whole(const struct nbd_dev *dev)
{
	unsigned int i;

	for (i = 0; i < dev->nr_conns; i++)
		if (!nbd_conn_live(dev->conns[i]))
			return false;
	return true;
}

/**
 * nbd_link_begin() - the end of connect: CONNECTING to LIVE
 * @dev: the device; its connections were started, and may be down already
 *
 * Context: process, may sleep; @dev->lock.
 */
void nbd_link_begin(struct nbd_dev *dev)
{
	mutex_lock(&dev->link_lock);
	nbd_link_set(dev, NBD_STATE_LIVE);
	nbd_link_decide(dev);
	mutex_unlock(&dev->link_lock);
	/* What went before was not told: the device was not there yet. */
	if (!READ_ONCE(dev->by_ioctl) && !nbd_link_whole(dev))
		nbd_link_dead(dev);
}

/**
 * nbd_link_hold() - all connections are about to get other sockets
 * @dev: a configured device
 *
 * Requests are held, and no conclusion is drawn from connections that go.
 *
 * Context: process, may sleep for a socket lock; @dev->lock.
 */
void nbd_link_hold(struct nbd_dev *dev)
{
	bool hold;

	mutex_lock(&dev->link_lock);
	dev->held = true;
	hold = dev->state != NBD_STATE_DEAD;
	mutex_unlock(&dev->link_lock);
	/* Waits for works, which may wait for link_lock; nobody else changes it. */
	if (hold)
		nbd_queue_hold(&dev->queue);
}

/**
 * nbd_link_unhold() - the end of nbd_link_hold()
 * @dev: the device
 *
 * Context: process, may sleep for a socket lock; @dev->lock.
 */
void nbd_link_unhold(struct nbd_dev *dev)
{
	mutex_lock(&dev->link_lock);
	dev->held = false;
	if (dev->state != NBD_STATE_DEAD)
		nbd_queue_set_mode(&dev->queue, NBD_QUEUE_RUN);
	nbd_link_decide(dev);
	mutex_unlock(&dev->link_lock);
}

/**
 * nbd_link_end() - the beginning of disconnect: to DISCONNECTING
 * @dev: a configured device
 *
 * After the return new requests fail, and so has all that waited.
 *
 * Context: process, sleeps; @dev->lock.
 */
void nbd_link_end(struct nbd_dev *dev)
{
	mutex_lock(&dev->link_lock);
	nbd_link_set(dev, NBD_STATE_DISCONNECTING);
	nbd_queue_set_mode(&dev->queue, NBD_QUEUE_FAIL);
	mutex_unlock(&dev->link_lock);
	cancel_delayed_work_sync(&dev->dead_work);
}

static void nbd_dead_work(struct work_struct *work)
{
	struct nbd_dev *dev = container_of(to_delayed_work(work),
					   struct nbd_dev, dead_work);
	unsigned long now;

	mutex_lock(&dev->link_lock);
	now = jiffies;
	if (dev->state != NBD_STATE_PARKED)
		goto out;
	if (dev->held)
		queue_delayed_work(nbd_recovery_wq, &dev->dead_work, HZ);
	/* Live already, but nobody has said so yet: another time begins. */
	else if (nbd_queue_live(&dev->queue))
		nbd_link_live(dev);
	/* It has begun already, while we waited for the lock. */
	else if (time_before(now, dev->dead_at))
		queue_delayed_work(nbd_recovery_wq, &dev->dead_work,
				   dev->dead_at - now);
	else
		nbd_link_die(dev);
out:
	mutex_unlock(&dev->link_lock);
}

/* nbd_queue_ops.down */
static void nbd_link_down(struct nbd_queue *q, struct nbd_conn *conn, int error)
{
	struct nbd_dev *dev = nbd_link_dev(q);

	nbd_link_update(dev);
	/* Takes memory, which what was decided above may have to make free. */
	if (error && !READ_ONCE(dev->by_ioctl) &&
	    nbd_state_configured(nbd_dev_state(dev)))
		nbd_link_dead(dev);
}

static const struct nbd_queue_ops nbd_link_queue_ops = {
	.down	= nbd_link_down,
};

/**
 * nbd_link_setup() - prepare a new device
 * @dev: the device; its name may be filled in later
 *
 * Context: process.
 */
void nbd_link_setup(struct nbd_dev *dev)
{
	nbd_queue_init(&dev->queue, &nbd_link_queue_ops, dev->name);
	INIT_DELAYED_WORK(&dev->dead_work, nbd_dead_work);
}
