// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Holds one socket that may use the memory reserves, for as long as it is loaded.
 *
 * The first such socket and the end of the last one have the kernel rewrite its own
 * instructions, and so have attaching the first device and detaching the last. Where
 * QEMU emulates several processors, one of them now and then runs the breakpoint of
 * that moment after the kernel has forgotten it: "Oops: int3" in __alloc_skb, or in
 * another function that asks sk_memalloc_socks(). With a socket that stays, nothing
 * is rewritten.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <net/net_namespace.h>
#include <net/sock.h>

/* Ours alone; lives as long as the module. */
static struct socket *nbd_memalloc_sock;

static int __init nbd_memalloc_init(void)
{
	int ret = sock_create_kern(&init_net, PF_INET, SOCK_STREAM, 0,
				   &nbd_memalloc_sock);

	if (!ret)
		sk_set_memalloc(nbd_memalloc_sock->sk);
	return ret;
}

static void __exit nbd_memalloc_exit(void)
{
	sk_clear_memalloc(nbd_memalloc_sock->sk);
	sock_release(nbd_memalloc_sock);
}

module_init(nbd_memalloc_init);
module_exit(nbd_memalloc_exit);

MODULE_DESCRIPTION("A socket that keeps the memory reserves of sockets in use");
MODULE_LICENSE("GPL");
