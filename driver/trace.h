/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events, below /sys/kernel/tracing/events/nbd. The first five have the names
 * and the fields of the kernel's own driver, for the programs that know it.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM nbd

#if !defined(NBD_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define NBD_TRACE_H

#include <linux/blk-mq.h>
#include <linux/tracepoint.h>

#include "../uapi/linux/nbd-netlink.h"
#include "cmd.h"

#ifndef NBD_TRACE_ONCE
#define NBD_TRACE_ONCE
/* Only its address is recorded: a unit test's commands are in no request. */
static inline struct request *nbd_trace_request(struct nbd_cmd *cmd)
{
	return blk_mq_rq_from_pdu(cmd);
}
#endif

DECLARE_EVENT_CLASS(nbd_transport_event,
	TP_PROTO(struct request *req, u64 handle),
	TP_ARGS(req, handle),
	TP_STRUCT__entry(
		__field(struct request *, req)
		__field(u64, handle)
	),
	TP_fast_assign(
		__entry->req = req;
		__entry->handle = handle;
	),
	TP_printk("nbd transport event: request %p, handle 0x%016llx",
		  __entry->req, __entry->handle)
);

/* The socket has taken the last byte of a header. */
DEFINE_EVENT(nbd_transport_event, nbd_header_sent,
	TP_PROTO(struct request *req, u64 handle),
	TP_ARGS(req, handle)
);

/* The socket has taken all of a command, whether it has a payload or not. */
DEFINE_EVENT(nbd_transport_event, nbd_payload_sent,
	TP_PROTO(struct request *req, u64 handle),
	TP_ARGS(req, handle)
);

/* A reply names a command that its connection has. */
DEFINE_EVENT(nbd_transport_event, nbd_header_received,
	TP_PROTO(struct request *req, u64 handle),
	TP_ARGS(req, handle)
);

/* All of a reply is here, whether it has a payload or not. */
DEFINE_EVENT(nbd_transport_event, nbd_payload_received,
	TP_PROTO(struct request *req, u64 handle),
	TP_ARGS(req, handle)
);

DECLARE_EVENT_CLASS(nbd_send_request,
	TP_PROTO(struct nbd_request *nbd_request, int index, struct request *rq),
	TP_ARGS(nbd_request, index, rq),
	TP_STRUCT__entry(
		__field(struct nbd_request *, nbd_request)
		__field(u64, dev_index)
		__field(struct request *, request)
	),
	TP_fast_assign(
		__entry->nbd_request = NULL;
		__entry->dev_index = index;
		__entry->request = rq;
	),
	TP_printk("nbd%lld: request %p", __entry->dev_index, __entry->request)
);

/* A connection is given a command. A BPF program may look at the header, and change it. */
#ifdef DEFINE_EVENT_WRITABLE
DEFINE_EVENT_WRITABLE(nbd_send_request, nbd_send_request,
	TP_PROTO(struct nbd_request *nbd_request, int index, struct request *rq),
	TP_ARGS(nbd_request, index, rq),
	sizeof(struct nbd_request)
);
#else
DEFINE_EVENT(nbd_send_request, nbd_send_request,
	TP_PROTO(struct nbd_request *nbd_request, int index, struct request *rq),
	TP_ARGS(nbd_request, index, rq)
);
#endif

/*
 * A call of sendmsg: how many commands begin in it, and the bytes that the socket
 * took (or a negative errno) and left.
 */
TRACE_EVENT(nbd_burst,
	TP_PROTO(int index, u16 connection, unsigned int commands, ssize_t bytes, size_t left),
	TP_ARGS(index, connection, commands, bytes, left),
	TP_STRUCT__entry(
		__field(s64, bytes)
		__field(u64, left)
		__field(u32, dev_index)
		__field(u32, connection)
		__field(u32, commands)
	),
	TP_fast_assign(
		__entry->bytes = bytes;
		__entry->left = left;
		__entry->dev_index = index;
		__entry->connection = connection;
		__entry->commands = commands;
	),
	TP_printk("nbd%u: connection %u: commands=%u bytes=%lld left=%llu",
		  __entry->dev_index, __entry->connection, __entry->commands,
		  __entry->bytes, __entry->left)
);

TRACE_DEFINE_ENUM(NBD_CONN_DOWN);
TRACE_DEFINE_ENUM(NBD_CONN_LIVE);
TRACE_DEFINE_ENUM(NBD_CONN_FAILING);

/* A connection goes from one state to the next; error is why it fails, or 0. */
TRACE_EVENT(nbd_connection_state,
	TP_PROTO(int index, u16 connection, u32 generation, u32 state, int error),
	TP_ARGS(index, connection, generation, state, error),
	TP_STRUCT__entry(
		__field(u32, dev_index)
		__field(u32, connection)
		__field(u32, generation)
		__field(u32, state)
		__field(s32, error)
	),
	TP_fast_assign(
		__entry->dev_index = index;
		__entry->connection = connection;
		__entry->generation = generation;
		__entry->state = state;
		__entry->error = error;
	),
	TP_printk("nbd%u: connection %u: generation=%u state=%s error=%d",
		  __entry->dev_index, __entry->connection, __entry->generation,
		  __print_symbolic(__entry->state,
				   { NBD_CONN_DOWN, "down" },
				   { NBD_CONN_LIVE, "live" },
				   { NBD_CONN_FAILING, "failing" }),
		  __entry->error)
);

/* A connection that failed gives a command back, part of which may have been sent. */
TRACE_EVENT(nbd_requeue,
	TP_PROTO(int index, u16 connection, struct request *rq, u64 handle, bool sent),
	TP_ARGS(index, connection, rq, handle, sent),
	TP_STRUCT__entry(
		__field(struct request *, request)
		__field(u64, handle)
		__field(u32, dev_index)
		__field(u32, connection)
		__field(bool, sent)
	),
	TP_fast_assign(
		__entry->request = rq;
		__entry->handle = handle;
		__entry->dev_index = index;
		__entry->connection = connection;
		__entry->sent = sent;
	),
	TP_printk("nbd%u: connection %u: request %p, handle 0x%016llx, sent=%d",
		  __entry->dev_index, __entry->connection, __entry->request,
		  __entry->handle, __entry->sent)
);

#endif /* NBD_TRACE_H */

/* Outside of what is read once. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
