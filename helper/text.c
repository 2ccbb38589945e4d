// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "text.h"

#define MORE	"..."

/*
 * Decode one UTF-8 sequence. Returns its length, or 0 when it is malformed,
 * overlong, a surrogate or beyond Unicode.
 */
static size_t utf8_decode(const unsigned char *s, size_t len, u32 *out)
{
	static const u32 least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n, i;
	u32 c;

	if (s[0] < 0x80) {
		*out = s[0];
		return 1;
	}
	if ((s[0] & 0xe0) == 0xc0)
		n = 2;
	else if ((s[0] & 0xf0) == 0xe0)
		n = 3;
	else if ((s[0] & 0xf8) == 0xf0)
		n = 4;
	else
		return 0;
	if (len < n)
		return 0;
	c = s[0] & (0x7f >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return n;
}

/* Characters that steer a terminal or reorder the text around them. */
static bool is_harmless(u32 c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	if (c == 0xad || c == 0x61c || c == 0xfeff)
		return false;
	if (c >= 0x200b && c <= 0x200f)
		return false;
	if (c >= 0x2028 && c <= 0x202e)
		return false;
	if (c >= 0x2060 && c <= 0x206f)
		return false;
	return true;
}

/**
 * text_escape - make foreign bytes safe to print
 * @dst: where to; always ends in NUL
 * @size: size of @dst, at least 8
 * @src: bytes, need not end in NUL, may hold any
 * @len: number of bytes at @src
 *
 * Printable UTF-8 stays; everything else becomes \xHH and a backslash is
 * doubled. What does not fit is cut off, marked by "...".
 *
 * Return: @dst.
 */
char *text_escape(char *dst, size_t size, const void *src, size_t len)
{
	const unsigned char *s = src;
	size_t used = 0;
	u32 c;

	while (len) {
		size_t n = utf8_decode(s, len, &c);
		char piece[8];

		if (n && is_harmless(c) && c != '\\') {
			memcpy(piece, s, n);
			piece[n] = '\0';
		} else if (n && c == '\\') {
			snprintf(piece, sizeof(piece), "\\\\");
		} else {
			n = 1;
			snprintf(piece, sizeof(piece), "\\x%02x", *s);
		}
		if (used + strlen(piece) + sizeof(MORE) > size) {
			memcpy(dst + used, MORE, sizeof(MORE));
			return dst;
		}
		memcpy(dst + used, piece, strlen(piece));
		used += strlen(piece);
		s += n;
		len -= n;
	}
	dst[used] = '\0';
	return dst;
}

/**
 * text_print_json - print JSON so that a terminal is safe
 * @out: where to
 * @json: well-formed text; what its strings hold may come from a server
 *
 * What steers a terminal becomes \uXXXX, which means the same.
 */
void text_print_json(FILE *out, const char *json)
{
	const unsigned char *s = (const unsigned char *)json;
	size_t n, len = strlen(json);
	u32 c;

	for (; len; s += n, len -= n) {
		n = utf8_decode(s, len, &c);
		if (n && c >= 0x20 && !is_harmless(c)) {
			fprintf(out, "\\u%04x", c);
			continue;
		}
		if (!n)
			n = 1;
		fwrite(s, 1, n, out);
	}
}

/**
 * text_is_utf8 - whether bytes are well-formed UTF-8 without NUL
 * @src: the bytes
 * @len: their number
 *
 * Return: true when they are.
 */
bool text_is_utf8(const void *src, size_t len)
{
	const unsigned char *s = src;
	u32 c;
	size_t n;

	for (; len; s += n, len -= n) {
		n = utf8_decode(s, len, &c);
		if (!n || !c)
			return false;
	}
	return true;
}

/**
 * text_size - a size for people
 * @dst: where to
 * @size: size of @dst
 * @bytes: the size in bytes
 *
 * The largest unit with at most one decimal: 1.5G, 512M, 100.
 *
 * Return: @dst.
 */
char *text_size(char *dst, size_t size, u64 bytes)
{
	static const char units[] = " KMGTPE";
	unsigned int unit = 0;
	u64 tenths = 0;

	while (bytes >= 1024) {
		tenths = bytes % 1024 * 10 / 1024;
		bytes /= 1024;
		unit++;
	}
	if (!unit)
		snprintf(dst, size, "%llu", bytes);
	else if (tenths)
		snprintf(dst, size, "%llu.%llu%c", bytes, tenths, units[unit]);
	else
		snprintf(dst, size, "%llu%c", bytes, units[unit]);
	return dst;
}
