// SPDX-License-Identifier: GPL-2.0-only
/*
 * What lockdep calls the lock of an adopted socket.
 *
 * Programs have their memory read and written under the lock of their sockets, so that
 * for lockdep a page may have to be brought back from swap under it. Swap may be on this
 * device, and then the lock of its socket is taken to bring the page back. That is no
 * cycle as long as programs do not send over what the driver was given, so the lock of
 * such a socket is of a class of its own.
 */
#include <linux/lockdep.h>
#include <net/sock.h>

#include "sock.h"

#ifdef CONFIG_DEBUG_LOCK_ALLOC

static struct lock_class_key nbd_sock_key;

/**
 * nbd_sock_set_class() - the lock of a socket becomes one of ours
 * @ns: a socket that is being adopted; keeps what it was
 *
 * Context: process; the lock is not held.
 */
void nbd_sock_set_class(struct nbd_sock *ns)
{
	struct lockdep_map *map = &ns->sock->sk->sk_lock.dep_map;

	ns->saved.lock_key = map->key;
	ns->saved.lock_name = map->name;
	lockdep_init_map(map, "sk_lock-nbd", &nbd_sock_key, 0);
}

/**
 * nbd_sock_restore_class() - the lock of a socket is as it was
 * @ns: a socket that is being released: others may have it, and the module may go
 *
 * Context: process; the lock is not held.
 */
void nbd_sock_restore_class(struct nbd_sock *ns)
{
	lockdep_init_map(&ns->sock->sk->sk_lock.dep_map, ns->saved.lock_name,
			 ns->saved.lock_key, 0);
}

#else

void nbd_sock_set_class(struct nbd_sock *ns)
{
}

void nbd_sock_restore_class(struct nbd_sock *ns)
{
}

#endif
