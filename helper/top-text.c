// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of top, for people. */
#include <stdint.h>
#include <string.h>

#include <linux/nbd-netlink.h>

#include "print.h"
#include "text.h"
#include "top-format.h"
#include "top-print.h"

#define TABLE_WIDTH	79
#define SERVER_WIDTH	16	/* the least that is worth a column */
#define LINE_MAX_WIDTH	500

static const char * const headings[] = {
	"REQ/S", "READ/S", "WRITE/S", "INFL", "ERRS",
	"R-50", "R-99", "W-50", "W-99",
};

static const int widths[ARRAY_SIZE(headings)] = { 5, 6, 7, 5, 5, 5, 5, 5, 5 };

/**
 * struct row - a line of the table
 * @name: of the device or connection
 * @state: its state
 * @cells: its numbers, in the order of @headings
 * @server: where it leads; any bytes
 */
struct row {
	char name[16];
	char state[32];
	char cells[ARRAY_SIZE(headings)][CELL_MAX];
	const char *server;
};

/**
 * struct sheet - the page while it is printed
 * @out: where to
 * @page: the page
 * @left: lines that may still be printed
 */
struct sheet {
	FILE *out;
	const struct top_page *page;
	size_t left;
};

static void put_line(struct sheet *s, const char *line)
{
	size_t len = strnlen(line, s->page->columns);

	if (!s->left)
		return;
	s->left--;
	while (len && line[len - 1] == ' ')
		len--;
	fprintf(s->out, "%.*s%s", (int)len, line, s->page->newline);
}

static void add_server(char *line, size_t size, const char *server,
		       unsigned int columns)
{
	size_t room = columns - TABLE_WIDTH - 1;

	if (columns < TABLE_WIDTH + 1 + SERVER_WIDTH)
		return;
	line[TABLE_WIDTH] = ' ';
	if (room > size - TABLE_WIDTH - 2)
		room = size - TABLE_WIDTH - 2;
	text_escape(line + TABLE_WIDTH + 1, room + 1, server, strlen(server));
}

static void put_row(struct sheet *s, const struct row *row)
{
	char line[LINE_MAX_WIDTH];
	size_t i;
	int at;

	at = snprintf(line, sizeof(line), "%-8.8s %-13.13s", row->name,
		      row->state);
	for (i = 0; i < ARRAY_SIZE(headings); i++)
		at += snprintf(line + at, sizeof(line) - (size_t)at, " %*.*s",
			       widths[i], widths[i], row->cells[i]);
	add_server(line, sizeof(line), row->server, s->page->columns);
	put_line(s, line);
}

static void put_headings(struct sheet *s)
{
	struct row row = { "DEVICE", "STATE", .server = "SERVER" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(headings); i++)
		memcpy(row.cells[i], headings[i], strlen(headings[i]) + 1);
	put_row(s, &row);
}

static void not_known(char *cell)
{
	snprintf(cell, CELL_MAX, "-");
}

static void fill_rates(struct row *row, bool known, const struct top_rates *r,
		       u64 in_flight, u64 errors)
{
	if (known) {
		cell_rate(row->cells[0], r->requests);
		cell_bytes(row->cells[1], r->bytes_read);
		cell_bytes(row->cells[2], r->bytes_written);
	} else {
		not_known(row->cells[0]);
		not_known(row->cells[1]);
		not_known(row->cells[2]);
	}
	cell_count(row->cells[3], (double)in_flight);
	cell_count(row->cells[4], (double)errors);
}

static void fill_latency(struct row *row, const struct latency *l)
{
	static const struct {
		int kind;
		int part;
	} cells[] = {
		{ TOP_READ, LATENCY_50 }, { TOP_READ, LATENCY_99 },
		{ TOP_WRITE, LATENCY_50 }, { TOP_WRITE, LATENCY_99 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cells); i++) {
		if (l->any[cells[i].kind])
			cell_ms(row->cells[5 + i],
				l->ms[cells[i].kind][cells[i].part]);
		else
			not_known(row->cells[5 + i]);
	}
}

static void put_device(struct sheet *s, const struct top_device *t)
{
	const struct nl_device *d = t->device;
	struct row row = { .server = d->backend ? d->backend : "-" };

	snprintf(row.name, sizeof(row.name), "nbd%u", d->index);
	if (d->state == NBD_STATE_LIVE)
		snprintf(row.state, sizeof(row.state), "live %u/%zu",
			 nl_live(d), d->nr_conns);
	else
		snprintf(row.state, sizeof(row.state), "%s",
			 print_state(d->state));
	fill_rates(&row, t->known, &t->rates, t->in_flight + d->parked,
		   t->errors);
	fill_latency(&row, &t->latency);
	put_row(s, &row);
}

static void put_conn(struct sheet *s, const struct top_device *t, size_t i)
{
	const struct nl_conn *c = &t->device->conns[i];
	struct row row = { .server = c->peer };
	char since[CELL_MAX];

	snprintf(row.name, sizeof(row.name), "  %u", c->index);
	snprintf(row.state, sizeof(row.state), "%s %s",
		 print_conn_state(c->state), cell_span(since, c->since));
	fill_rates(&row, t->known, &t->conns[i], c->in_flight, c->errors);
	fill_latency(&row, &t->conn_latency[i]);
	put_row(s, &row);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void put_rest(struct sheet *s, size_t devices, size_t conns)
{
	char line[80];

	if (devices)
		snprintf(line, sizeof(line),
			 "not shown: %zu device%s, %zu connection%s", devices,
			 plural(devices), conns, plural(conns));
	else
		snprintf(line, sizeof(line), "not shown: %zu connection%s",
			 conns, plural(conns));
	if (devices || conns)
		put_line(s, line);
}

/* All that fit, but for as many lines as are to stay free. */
static void put_devices(struct sheet *s, const struct top *top, size_t spare)
{
	size_t devices = top->n, conns = 0, i, j;
	const struct top_device *t;

	for (i = 0; i < top->n; i++)
		conns += top->devices[i].device->nr_conns;
	for (i = 0; i < top->n && s->left > spare; i++) {
		t = &top->devices[i];
		put_device(s, t);
		devices--;
		for (j = 0; j < t->device->nr_conns && s->left > spare; j++) {
			put_conn(s, t, j);
			conns--;
		}
	}
	put_rest(s, devices, conns);
}

/**
 * top_print_text - print a table of devices and their connections
 * @out: where to
 * @top: the devices
 * @page: what it has to fit on
 *
 * Devices are printed in the order that they have, as many as fit; a last line says
 * how many do not.
 */
void top_print_text(FILE *out, const struct top *top,
		    const struct top_page *page)
{
	struct sheet s = { out, page, page->rows ? page->rows : SIZE_MAX };
	size_t i, needed = top->n;

	put_line(&s, page->title);
	if (!top->n) {
		put_line(&s, page->none);
		return;
	}
	put_headings(&s);
	for (i = 0; i < top->n; i++)
		needed += top->devices[i].device->nr_conns;
	put_devices(&s, top, needed > s.left);
}
