/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The generic netlink family "nbd": numbers shared by the driver, the helper
 * and other programs.
 *
 * Numbers below 32 are the kernel's own and keep their meaning. Numbers from
 * 32 on are extensions of this driver; a program that wants them first asks
 * whether the family has command NBD_CMD_GET (CTRL_CMD_GETFAMILY lists the
 * commands), because the stock driver ignores attributes it does not know.
 */
#ifndef NBD_UAPI_NBD_NETLINK_H
#define NBD_UAPI_NBD_NETLINK_H

#define NBD_GENL_FAMILY_NAME		"nbd"
#define NBD_GENL_VERSION		0x1
#define NBD_GENL_MCAST_GROUP_NAME	"nbd_mc_group"

/* Commands of the family. */
enum {
	NBD_CMD_UNSPEC,
	NBD_CMD_CONNECT,
	NBD_CMD_DISCONNECT,
	NBD_CMD_RECONFIGURE,
	NBD_CMD_LINK_DEAD,
	NBD_CMD_STATUS,

	NBD_CMD_GET = 32,	/* do: one device by NBD_ATTR_INDEX; dump: all */
	NBD_CMD_GET_LATENCY,	/* do: of NBD_ATTR_INDEX or its NBD_ATTR_CONNECTION */

	__NBD_CMD_MAX,
};

#define NBD_CMD_MAX	(__NBD_CMD_MAX - 1)

/* Attributes at the top of a message. */
enum {
	NBD_ATTR_UNSPEC,
	NBD_ATTR_INDEX,			/* u32 */
	NBD_ATTR_SIZE_BYTES,		/* u64 */
	NBD_ATTR_BLOCK_SIZE_BYTES,	/* u64, logical block */
	NBD_ATTR_TIMEOUT,		/* u64, seconds, 0 = none */
	NBD_ATTR_SERVER_FLAGS,		/* u64, NBD_FLAG_* */
	NBD_ATTR_CLIENT_FLAGS,		/* u64, NBD_CFLAG_* */
	NBD_ATTR_SOCKETS,		/* nested, NBD_SOCK_ITEM ... */
	NBD_ATTR_DEAD_CONN_TIMEOUT,	/* u64, seconds, 0 = fail at once */
	NBD_ATTR_DEVICE_LIST,		/* nested, NBD_DEVICE_ITEM ... */
	NBD_ATTR_BACKEND_IDENTIFIER,	/* string */

	NBD_ATTR_QUEUE_DEPTH = 32,	/* u32, requests in flight per connection */
	NBD_ATTR_BLOCK_PREFERRED,	/* u32, bytes, the server's preferred block */
	NBD_ATTR_PAYLOAD_MAX,		/* u32, bytes, the server's largest payload */
	NBD_ATTR_MAX_REQUEST,		/* u32, bytes, soft limit of one request */
	NBD_ATTR_READ_AHEAD,		/* u32, bytes */
	NBD_ATTR_FENCE,			/* u32, milliseconds */
	NBD_ATTR_ATTACH_FLAGS,		/* u32, NBD_ATTACH_* */
	NBD_ATTR_DETACH_FLAGS,		/* u32, NBD_DETACH_* */
	NBD_ATTR_STATE,			/* u32, NBD_STATE_* */
	NBD_ATTR_CONNECTIONS,		/* nested, NBD_CONN_ITEM ... */
	NBD_ATTR_HW_QUEUES,		/* u32 */
	NBD_ATTR_TAGS,			/* u32, tags, shared by the hardware queues */
	NBD_ATTR_OPENERS,		/* u32, open file descriptors and mounts */
	NBD_ATTR_PARKED,		/* u32, requests that wait for a connection */
	NBD_ATTR_PID,			/* u32, the process that attached */
	NBD_ATTR_PAD,
	NBD_ATTR_ZEROES,		/* u32, NBD_ZEROES_* */
	NBD_ATTR_CHANGE_FLAGS,		/* u32, NBD_CHANGE_* */
	NBD_ATTR_LOSSES,		/* u32, flushes too late for a restarted server */
	NBD_ATTR_CONNECTION,		/* u32, slot */
	NBD_ATTR_LATENCY_READ,		/* binary, see NBD_LATENCY_BUCKETS */
	NBD_ATTR_LATENCY_WRITE,		/* the same of writes and zeroes */
	NBD_ATTR_LATENCY_TRIM,
	NBD_ATTR_LATENCY_FLUSH,
	NBD_ATTR_MOVED_TO,		/* string, in place of the backend; "": not moved */
	NBD_ATTR_SERIAL,		/* u32, see below */

	__NBD_ATTR_MAX,
};

#define NBD_ATTR_MAX	(__NBD_ATTR_MAX - 1)

/*
 * NBD_ATTR_SERIAL: never 0, and another one for each time that a device is attached, so
 * that it says which attachment is meant where an index says which device. GET shows it
 * while the device is attached; so does the reply to a CONNECT that has
 * NBD_ATTR_ATTACH_FLAGS, while one without is answered as by the stock driver. Given with
 * DISCONNECT or RECONFIGURE: ESTALE if the device was attached anew since. A driver that
 * does not show it has no NBD_DETACH_DEAD either.
 */

/*
 * NBD_ATTR_LATENCY_*: how many requests took how long, from when the block layer had
 * them until the answer. Each is counted once, with all of its time, on the connection
 * whose answer ended it; not while the queue's attribute iostats is 0.
 *
 * An array of u64 in the machine's byte order, one for each bucket; zeroes at its end
 * are left out. In units of NBD_LATENCY_UNIT_NS bucket b begins at b for b < 4, and at
 * (4 + b % 4) << (b / 4 - 1) for others: four buckets for each doubling. It ends where
 * the next one begins; the last has no end.
 */
#define NBD_LATENCY_UNIT_NS		1024
#define NBD_LATENCY_BUCKETS		104

/* NBD_ATTR_ATTACH_FLAGS: given with CONNECT, shown by GET. */
#define NBD_ATTACH_NO_PARTSCAN	(1 << 0)	/* never look for partitions */
#define NBD_ATTACH_FORCE_MULTI_CONN (1 << 1)	/* several connections, each flushed */
#define NBD_ATTACH_LOSS_FAILS	(1 << 2)	/* the first flush after a possible loss */
#define NBD_ATTACH_PERSIST	(1 << 3)	/* a monitor gives it new connections */
#define NBD_ATTACH_NO_OPTGO	(1 << 4)	/* connections ask by NBD_OPT_EXPORT_NAME */

/* NBD_ATTR_ZEROES: given with CONNECT, shown by GET. */
enum {
	NBD_ZEROES_AUTO,		/* fast if it may deallocate, else as it comes */
	NBD_ZEROES_FAST,		/* fast or not at all */
	NBD_ZEROES_SLOW,		/* as it comes */
	NBD_ZEROES_OFF,			/* never ask the server */
};

/* NBD_ATTR_DETACH_FLAGS: given with DISCONNECT. */
#define NBD_DETACH_UNUSED	(1 << 0)	/* EBUSY while anybody has it open */
#define NBD_DETACH_DEAD		(1 << 1)	/* EBUSY while a connection is live */

/* NBD_ATTR_CHANGE_FLAGS: given with RECONFIGURE. */
#define NBD_CHANGE_REPLACE	(1 << 0)	/* sockets for all connections, live ones too */
#define NBD_CHANGE_SHRINK	(1 << 1)	/* the size may be smaller than it was */

/* NBD_ATTR_STATE: of a device. */
enum {
	NBD_STATE_IDLE,			/* no configuration */
	NBD_STATE_CONNECTING,		/* a CONNECT is at work */
	NBD_STATE_LIVE,			/* at least one live connection */
	NBD_STATE_PARKED,		/* none; requests wait for dead-timeout */
	NBD_STATE_DEAD,			/* none; requests fail */
	NBD_STATE_DISCONNECTING,	/* a DISCONNECT is at work, or openers remain */
};

/* NBD_CONN_STATE: of a connection. */
enum {
	NBD_CONN_DOWN,			/* no socket */
	NBD_CONN_LIVE,
	NBD_CONN_FAILING,		/* being taken down */
};

enum {
	NBD_CONN_ITEM_UNSPEC,
	NBD_CONN_ITEM,			/* nested, NBD_CONN_ATTR_* */

	__NBD_CONN_ITEM_MAX,
};

#define NBD_CONN_ITEM_MAX	(__NBD_CONN_ITEM_MAX - 1)

/* One connection, in NBD_CONN_ITEM. */
enum {
	NBD_CONN_ATTR_UNSPEC,
	NBD_CONN_ATTR_INDEX,		/* u32, slot */
	NBD_CONN_ATTR_STATE,		/* u32, NBD_CONN_* */
	NBD_CONN_ATTR_GENERATION,	/* u32, sockets this slot has had */
	NBD_CONN_ATTR_PEER,		/* string, address of the server's end */
	NBD_CONN_ATTR_IN_FLIGHT,	/* u32, requests */
	NBD_CONN_ATTR_REQUESTS,		/* u64, completed by a reply */
	NBD_CONN_ATTR_BYTES_READ,	/* u64, payload */
	NBD_CONN_ATTR_BYTES_WRITTEN,	/* u64, payload */
	NBD_CONN_ATTR_ERRORS,		/* u64, replies that carried an error */
	NBD_CONN_ATTR_FAILURES,		/* u32, times this slot lost its socket */
	NBD_CONN_ATTR_LAST_ERROR,	/* s32, errno of the last failure, 0 = none */
	NBD_CONN_ATTR_SINCE,		/* u64, milliseconds in the present state */
	NBD_CONN_ATTR_PAD,

	__NBD_CONN_ATTR_MAX,
};

#define NBD_CONN_ATTR_MAX	(__NBD_CONN_ATTR_MAX - 1)

enum {
	NBD_DEVICE_ITEM_UNSPEC,
	NBD_DEVICE_ITEM,
	__NBD_DEVICE_ITEM_MAX,
};

#define NBD_DEVICE_ITEM_MAX	(__NBD_DEVICE_ITEM_MAX - 1)

enum {
	NBD_DEVICE_UNSPEC,
	NBD_DEVICE_INDEX,		/* u32 */
	NBD_DEVICE_CONNECTED,		/* u8 */
	__NBD_DEVICE_MAX,
};

#define NBD_DEVICE_ATTR_MAX	(__NBD_DEVICE_MAX - 1)

enum {
	NBD_SOCK_ITEM_UNSPEC,
	NBD_SOCK_ITEM,			/* nested, NBD_SOCK_* */
	__NBD_SOCK_ITEM_MAX,
};

#define NBD_SOCK_ITEM_MAX	(__NBD_SOCK_ITEM_MAX - 1)

enum {
	NBD_SOCK_UNSPEC,
	NBD_SOCK_FD,			/* u32 */
	__NBD_SOCK_MAX,
};

#define NBD_SOCK_MAX		(__NBD_SOCK_MAX - 1)

#endif /* NBD_UAPI_NBD_NETLINK_H */
