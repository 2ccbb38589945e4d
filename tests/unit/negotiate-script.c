// SPDX-License-Identifier: GPL-2.0-or-later
/* Writing what a server sends, and playing it to the handshake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "negotiate-script.h"

struct script script;
struct sent sent;
struct negotiate neg;

const struct neg_request go = { NEG_GO, "disk", 4, true, false };
const struct neg_request by_name = { NEG_GO, "disk", 4, true, true };
const struct neg_request info = { NEG_INFO, "disk", 4, true, false };
const struct neg_request list = { NEG_LIST, "", 0, false, false };

void put(const void *data, size_t len)
{
	assert_true(script.len + len <= sizeof(script.data));
	memcpy(script.data + script.len, data, len);
	script.len += len;
}

void put16(u16 v)
{
	put_u16(script.data + script.len, v);
	script.len += 2;
}

void put32(u32 v)
{
	put_u32(script.data + script.len, v);
	script.len += 4;
}

void put64(u64 v)
{
	put_u64(script.data + script.len, v);
	script.len += 8;
}

void fill(size_t len)
{
	assert_true(script.len + len <= sizeof(script.data));
	memset(script.data + script.len, 'x', len);
	script.len += len;
}

void greet(u16 flags)
{
	script.len = 0;
	put64(NBD_MAGIC);
	put64(NBD_OPTION_MAGIC);
	put16(flags);
}

void reply(u32 option, u32 type, u32 len)
{
	put64(NBD_OPTION_REPLY_MAGIC);
	put32(option);
	put32(type);
	put32(len);
}

void reply_export(u32 option, u64 size, u16 flags)
{
	reply(option, NBD_REP_INFO, NBD_INFO_EXPORT_LEN);
	put16(NBD_INFO_EXPORT);
	put64(size);
	put16(flags);
}

void reply_blocks(u32 option, u32 minimum, u32 preferred, u32 maximum)
{
	reply(option, NBD_REP_INFO, NBD_INFO_BLOCK_LEN);
	put16(NBD_INFO_BLOCK_SIZE);
	put32(minimum);
	put32(preferred);
	put32(maximum);
}

void reply_text(u32 option, u16 kind, const char *text)
{
	reply(option, NBD_REP_INFO, (u32)(2 + strlen(text)));
	put16(kind);
	put(text, strlen(text));
}

void reply_error(u32 option, u32 code, const char *text)
{
	reply(option, NBD_REP_ERR(code), (u32)strlen(text));
	put(text, strlen(text));
}

void reply_server(const char *name, const char *description)
{
	reply(NBD_OPT_LIST, NBD_REP_SERVER,
	      (u32)(4 + strlen(name) + strlen(description)));
	put32((u32)strlen(name));
	put(name, strlen(name));
	put(description, strlen(description));
}

void take_output(void)
{
	const void *data;
	size_t len;

	data = neg_output(&neg, &len);
	assert_true(sent.len + len <= sizeof(sent.data));
	memcpy(sent.data + sent.len, data, len);
	sent.len += len;
	neg_sent(&neg, len);
}

/* Play at most @len bytes of the script in pieces of at most @piece. */
size_t play(size_t len, size_t piece)
{
	size_t at = 0, part;

	while (neg_busy(&neg)) {
		take_output();
		if (!neg_busy(&neg))
			break;
		part = neg_want(&neg);
		assert_true(part);
		if (part > piece)
			part = piece;
		if (part > len - at)
			part = len - at;
		if (part)
			neg_feed(&neg, script.data + at, part);
		else
			neg_eof(&neg);
		at += part;
	}
	return at;
}

void begin(const struct neg_request *request)
{
	neg_release(&neg);
	sent.len = 0;
	neg_init(&neg, "server", request);
}

void run(const struct neg_request *request)
{
	begin(request);
	play(script.len, SIZE_MAX);
}

void expect_failure(const char *words)
{
	assert_int_equal(neg.phase, NEG_FAILED);
	assert_int_equal(neg.err.status, ST_PROTOCOL);
	if (!strstr(neg.err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", neg.err.text, words);
}
