/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The generic netlink family "nbd". */
#ifndef NBDCTL_NL_H
#define NBDCTL_NL_H

#include <linux/nbd-netlink.h>

#include "common.h"
#include "err.h"

struct nl_sock;
struct nl_msg;

/* State of the family in the running kernel. */
enum nl_family {
	NL_FAMILY_ABSENT,
	NL_FAMILY_STOCK,	/* lacks NBD_CMD_GET */
	NL_FAMILY_OURS,
};

struct nl {
	struct nl_sock *sock;
	int id;
	u32 group;		/* of its events */
	enum nl_family family;
	bool was_absent;	/* the module, when the socket was opened */
};

/* The kinds of requests that NBD_CMD_GET_LATENCY tells apart, in its order. */
enum {
	NL_LATENCY_READ,
	NL_LATENCY_WRITE,
	NL_LATENCY_TRIM,
	NL_LATENCY_FLUSH,
	NL_LATENCY_KINDS,
};

/**
 * struct nl_latency - what NBD_CMD_GET_LATENCY says
 * @count: requests of each kind in each bucket, see NBD_LATENCY_BUCKETS
 */
struct nl_latency {
	u64 count[NL_LATENCY_KINDS][NBD_LATENCY_BUCKETS];
};

struct nl_conn {
	u32 index;
	u32 state;
	u32 generation;
	u32 in_flight;
	u32 failures;
	s32 last_error;		/* an errno, 0 for none */
	u64 requests;
	u64 bytes_read;
	u64 bytes_written;
	u64 errors;
	u64 since;
	char peer[256];
	struct nl_latency *latency;	/* owned; NULL unless somebody asked */
};

/**
 * struct nl_device - what NBD_CMD_GET says about one device
 *
 * Fields are named as the attributes of linux/nbd-netlink.h.
 */
struct nl_device {
	u32 index;
	u32 serial;		/* 0: not attached, or an older driver */
	u32 state;
	u64 size;
	u64 block_size;
	u64 timeout;
	u64 dead_timeout;
	u64 server_flags;
	u64 client_flags;
	u32 queue_depth;
	u32 preferred;
	u32 payload_max;
	u32 max_request;
	u32 read_ahead;
	u32 fence;		/* milliseconds */
	u32 zeroes;
	u32 attach_flags;
	u32 hw_queues;
	u32 tags;
	u32 openers;
	u32 parked;
	u32 losses;
	u32 pid;
	char *backend;
	char *moved_to;		/* or NULL */
	struct nl_conn *conns;
	size_t nr_conns;
};

struct nl_devices {
	struct nl_device *d;
	size_t n;
};

/**
 * struct nl_attach - arguments of NBD_CMD_CONNECT
 *
 * Fields that are 0 with a has_ flag or a comment are left out.
 */
struct nl_attach {
	bool has_index;
	u32 index;
	const int *fds;
	size_t nr_fds;
	u64 size;
	u64 block_size;
	u64 timeout;
	u64 dead_timeout;
	u64 server_flags;
	const char *backend;
	u32 queue_depth;	/* 0: the driver's own */
	u32 preferred;
	u32 payload_max;
	u32 max_request;	/* 0: the driver's own */
	u32 fence;		/* milliseconds */
	bool has_read_ahead;
	u32 read_ahead;
	u32 zeroes;
	u32 attach_flags;
};

/**
 * struct nl_change - arguments of NBD_CMD_RECONFIGURE
 *
 * Fields are named as the attributes of linux/nbd-netlink.h.
 */
struct nl_change {
	u32 index;
	u32 serial;		/* of the device as it was seen, see nl_detach() */
	const int *fds;
	size_t nr_fds;
	u64 size;
	u64 server_flags;
	const char *backend;
	const char *moved_to;	/* NULL: as it is */
	u32 flags;		/* NBD_CHANGE_* */
};

/* What the kernel answered. */
struct nl_answer {
	int error;		/* 0 or an errno */
	char text[256];		/* the kernel's words, may be empty */
	bool unknown;		/* it was asked, and may have done it: the answer was lost */
	bool has_index;
	u32 index;
	u32 serial;		/* 0: not said */
};

int nl_open(struct nl *nl, struct err *err);
int nl_open_quietly(struct nl *nl, struct err *err);
int nl_open_again(struct nl *nl, const struct nl *known, struct err *err);
int nl_need(struct nl *nl, bool load, struct err *err);
void nl_done(struct nl *nl);

void nl_attach(struct nl *nl, const struct nl_attach *attach,
	       struct nl_answer *answer);
void nl_change(struct nl *nl, const struct nl_change *change,
	       struct nl_answer *answer);
void nl_detach(struct nl *nl, u32 index, u32 serial, u32 flags,
	       struct nl_answer *answer);
void nl_get(struct nl *nl, u32 index, struct nl_devices *devices,
	    struct nl_answer *answer);
void nl_get_all(struct nl *nl, struct nl_devices *devices,
		struct nl_answer *answer);
void nl_get_latency(struct nl *nl, u32 index, u32 conn,
		    struct nl_latency *latency, struct nl_answer *answer);
int nl_error(const struct nl_answer *answer, const char *what,
	     struct err *err);

void nl_free_device(struct nl_device *device);
void nl_free_devices(struct nl_devices *devices);
bool nl_is_meant(const struct nl_device *device, u32 serial);
unsigned int nl_live(const struct nl_device *device);
const char *nl_live_peer(const struct nl_device *device);

/* Between the files that speak netlink. */
int nl_parse_device(struct nl_devices *devices, struct nl_msg *msg);
void nl_parse_latency(struct nl_latency *latency, struct nl_msg *msg);

#endif /* NBDCTL_NL_H */
