// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "top-format.h"

#define LONGEST_DAYS	9999ULL

/* Three digits, or two and one decimal. */
static char *scale(char *dst, double value, double step)
{
	static const char units[] = " KMGTPE";
	unsigned int unit = 0;

	while (value >= 999.5 && unit + 2 < sizeof(units)) {
		value /= step;
		unit++;
	}
	if (value > 99999)
		value = 99999;
	if (unit)
		snprintf(dst, CELL_MAX, "%.*f%c", value < 99.95, value,
			 units[unit]);
	else
		snprintf(dst, CELL_MAX, "%.0f", value);
	return dst;
}

/**
 * cell_count - a number of things
 * @dst: where to, CELL_MAX bytes
 * @value: the number, not negative
 *
 * K, M and so on are powers of 1000.
 *
 * Return: @dst.
 */
char *cell_count(char *dst, double value)
{
	if (value >= 99999.5)
		return scale(dst, value, 1000);
	snprintf(dst, CELL_MAX, "%.0f", value);
	return dst;
}

/**
 * cell_rate - a number of things in a second
 * @dst: where to, CELL_MAX bytes
 * @value: the number, not negative
 *
 * As cell_count(), but a small one has a decimal.
 *
 * Return: @dst.
 */
char *cell_rate(char *dst, double value)
{
	if (!(value > 0 && value < 9.95))
		return cell_count(dst, value);
	snprintf(dst, CELL_MAX, "%.1f", value);
	return dst;
}

/**
 * cell_bytes - a number of bytes
 * @dst: where to, CELL_MAX bytes
 * @value: the number, not negative
 *
 * K, M and so on are powers of 1024.
 *
 * Return: @dst.
 */
char *cell_bytes(char *dst, double value)
{
	return scale(dst, value, 1024);
}

/**
 * cell_ms - a short time
 * @dst: where to, CELL_MAX bytes
 * @ms: the time in milliseconds, not negative
 *
 * One that is not short after all has a unit, as from cell_span().
 *
 * Return: @dst.
 */
char *cell_ms(char *dst, double ms)
{
	int decimals = ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0;

	if (ms >= 99999.5)
		return cell_span(dst, ms < 1e15 ? (u64)ms : 1000000000000000);
	snprintf(dst, CELL_MAX, "%.*f", decimals, ms);
	return dst;
}

/**
 * cell_span - a time, however long
 * @dst: where to, CELL_MAX bytes
 * @ms: the time in milliseconds
 *
 * Return: @dst.
 */
char *cell_span(char *dst, u64 ms)
{
	u64 seconds = ms / 1000, days = seconds / 86400;

	if (days > LONGEST_DAYS)
		days = LONGEST_DAYS;
	if (!seconds)
		snprintf(dst, CELL_MAX, "%llums", ms);
	else if (seconds < 120)
		snprintf(dst, CELL_MAX, "%llus", seconds);
	else if (seconds < 2 * 3600)
		snprintf(dst, CELL_MAX, "%llum", seconds / 60);
	else if (seconds < 2 * 86400)
		snprintf(dst, CELL_MAX, "%lluh", seconds / 3600);
	else
		snprintf(dst, CELL_MAX, "%llud", days);
	return dst;
}
