/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handshake of one connection, as a state machine that does no I/O.
 *
 * The caller reads exactly neg_want() bytes or fewer, hands them to
 * neg_feed(), and sends what neg_output() shows, until neg_busy() is false.
 * Nothing is ever read beyond the handshake.
 */
#ifndef NBDCTL_NEGOTIATE_H
#define NBDCTL_NEGOTIATE_H

#include "common.h"
#include "err.h"
#include "export.h"

#define NEG_MAX_REPLIES		64		/* to GO or INFO */
#define NEG_MAX_EXPORTS		4096		/* in a list */
#define NEG_MAX_REPLY		(64U << 10)	/* bytes in one reply */
#define NEG_MAX_TOTAL		(4U << 20)	/* bytes for one option */

enum neg_op {
	NEG_GO,		/* enter transmission; falls back to EXPORT_NAME */
	NEG_INFO,	/* ask about an export and stay */
	NEG_LIST,	/* ask for the names of all exports */
	NEG_ABORT,	/* take leave */
};

/**
 * struct neg_request - what to do in the handshake
 * @op: the operation
 * @name: GO and INFO: the export; must stay until the operation ends
 * @name_len: bytes in @name
 * @describe: GO and INFO: ask for name and description too
 * @by_name: GO: use EXPORT_NAME at once, which every server knows
 */
struct neg_request {
	enum neg_op op;
	const char *name;
	size_t name_len;
	bool describe;
	bool by_name;
};

enum neg_phase {
	NEG_GREETING,		/* 8 bytes: magic */
	NEG_OPTION_MAGIC,	/* 8 bytes: which style */
	NEG_FLAGS,		/* 2 bytes */
	NEG_REPLY,		/* 20 bytes: header of an option reply */
	NEG_BODY,		/* payload of an option reply */
	NEG_EXPORT_NAME,	/* 10 bytes, no header */
	NEG_ZEROES,		/* 124 bytes of padding */
	NEG_READY,		/* an option may be sent; see refusal */
	NEG_TRANSMISSION,	/* handshake over, export usable */
	NEG_CLOSED,		/* we took leave */
	NEG_FAILED,		/* err says why */
};

struct neg_entry {
	char *name;
	size_t name_len;
	char *description;
	size_t description_len;
};

/**
 * struct negotiate - state of one handshake
 * @phase: where it is
 * @server: name of the server for messages
 * @request: the operation at work
 * @option: number of the option at work
 * @flags: handshake flags of the server
 * @refusal: NBD_ERR_* of the last operation, 0 = it succeeded
 * @err: text of the refusal or failure
 * @export: result of GO and INFO
 * @got_export: an EXPORT reply has arrived
 * @entries: result of LIST
 * @nr_entries: their number
 * @replies: replies to this option so far
 * @total: bytes of replies to this option so far
 * @type: of the reply whose payload is being read
 * @in: what has been read of the present item
 * @have: bytes in @in
 * @need: bytes the item has
 * @skip: bytes after the item that are thrown away
 * @out: what is to be sent
 * @out_len: bytes in @out
 * @out_done: bytes of those that have been sent
 */
struct negotiate {
	enum neg_phase phase;
	const char *server;
	struct neg_request request;
	u32 option;
	u16 flags;
	u32 refusal;
	struct err err;
	struct export export;
	bool got_export;
	struct neg_entry *entries;
	size_t nr_entries;
	unsigned int replies;
	size_t total;
	u32 type;
	unsigned char in[2 * NBD_MAX_STRING + 16];
	size_t have;
	size_t need;
	size_t skip;
	unsigned char out[NBD_MAX_STRING + 64];
	size_t out_len;
	size_t out_done;
};

void neg_init(struct negotiate *n, const char *server,
	      const struct neg_request *first);
void neg_release(struct negotiate *n);
void neg_request(struct negotiate *n, const struct neg_request *request);
bool neg_busy(const struct negotiate *n);
size_t neg_want(const struct negotiate *n);
void neg_feed(struct negotiate *n, const void *data, size_t len);
void neg_eof(struct negotiate *n);
const void *neg_output(const struct negotiate *n, size_t *len);
void neg_sent(struct negotiate *n, size_t len);
const char *neg_waiting_for(const struct negotiate *n);

/* Payloads of option replies; between the files of the handshake. */
int neg_reply_info(struct negotiate *n);
int neg_reply_server(struct negotiate *n);
int neg_reply_error(struct negotiate *n, u32 type);
int neg_set_size(struct negotiate *n, u64 size, u16 flags);
int neg_fail(struct negotiate *n, int status, const char *fmt, ...)
	__printf(3, 4);

#endif /* NBDCTL_NEGOTIATE_H */
