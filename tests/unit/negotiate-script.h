/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing what a server sends, and playing it to the handshake. */
#ifndef NEGOTIATE_SCRIPT_H
#define NEGOTIATE_SCRIPT_H

#include <linux/nbd.h>

#include "negotiate.h"
#include "wire.h"

#define FIXED	(NBD_HS_FIXED_NEWSTYLE | NBD_HS_NO_ZEROES)
#define FLAGS	(NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | \
		 NBD_FLAG_CAN_MULTI_CONN)
#define SIZE	0x40000000ULL

/* What a server sends. */
struct script {
	unsigned char data[1 << 20];
	size_t len;
};

/* What the client sent. */
struct sent {
	unsigned char data[1 << 16];
	size_t len;
};

extern struct script script;
extern struct sent sent;
extern struct negotiate neg;

extern const struct neg_request go;
extern const struct neg_request by_name;
extern const struct neg_request info;
extern const struct neg_request list;

void put(const void *data, size_t len);
void put16(u16 v);
void put32(u32 v);
void put64(u64 v);
void fill(size_t len);
void greet(u16 flags);
void reply(u32 option, u32 type, u32 len);
void reply_export(u32 option, u64 size, u16 flags);
void reply_blocks(u32 option, u32 minimum, u32 preferred, u32 maximum);
void reply_text(u32 option, u16 kind, const char *text);
void reply_error(u32 option, u32 code, const char *text);
void reply_server(const char *name, const char *description);
void take_output(void);
size_t play(size_t len, size_t piece);
void begin(const struct neg_request *request);
void run(const struct neg_request *request);
void expect_failure(const char *words);

#endif /* NEGOTIATE_SCRIPT_H */
