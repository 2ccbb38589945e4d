// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The text format of Prometheus. A metric's lines have to follow one another, so
 * each goes through all devices.
 */
#include <stdio.h>
#include <string.h>

#include <linux/nbd-netlink.h>

#include "export.h"
#include "latency.h"
#include "print.h"
#include "text.h"

/* From 16 microseconds to 17 seconds, each twice the one before. */
#define LEAST_EXPONENT	4
#define MOST_EXPONENT	24

/**
 * struct device_metric - a number of each device
 * @name: without the prefix
 * @type: gauge or counter
 * @help: what it is
 * @value: the number
 */
struct device_metric {
	const char *name;
	const char *type;
	const char *help;
	u64 (*value)(const struct nl_device *d);
};

/**
 * struct conn_metric - a number of each connection
 * @name: without the prefix
 * @type: gauge or counter
 * @help: what it is
 * @value: the number
 */
struct conn_metric {
	const char *name;
	const char *type;
	const char *help;
	u64 (*value)(const struct nl_conn *c);
};

static u64 size(const struct nl_device *d)
{
	return d->size;
}

static u64 connections(const struct nl_device *d)
{
	return d->nr_conns;
}

static u64 connections_live(const struct nl_device *d)
{
	return nl_live(d);
}

static u64 openers(const struct nl_device *d)
{
	return d->openers;
}

static u64 parked(const struct nl_device *d)
{
	return d->parked;
}

static u64 losses(const struct nl_device *d)
{
	return d->losses;
}

static const struct device_metric device_metrics[] = {
	{ "size_bytes", "gauge", "Size of the device.", size },
	{ "connections", "gauge", "Connections of the device.", connections },
	{ "connections_live", "gauge", "Those that are live.",
	  connections_live },
	{ "openers", "gauge", "Open file descriptors and mounts.", openers },
	{ "parked_requests", "gauge", "Requests that wait for a connection.",
	  parked },
	{ "possible_losses_total", "counter",
	  "Times that a server may have forgotten writes.", losses },
};

static u64 live(const struct nl_conn *c)
{
	return c->state == NBD_CONN_LIVE;
}

static u64 in_flight(const struct nl_conn *c)
{
	return c->in_flight;
}

static u64 requests(const struct nl_conn *c)
{
	return c->requests;
}

static u64 bytes_read(const struct nl_conn *c)
{
	return c->bytes_read;
}

static u64 bytes_written(const struct nl_conn *c)
{
	return c->bytes_written;
}

static u64 errors(const struct nl_conn *c)
{
	return c->errors;
}

static u64 failures(const struct nl_conn *c)
{
	return c->failures;
}

static const struct conn_metric conn_metrics[] = {
	{ "live", "gauge", "Whether the connection is live.", live },
	{ "in_flight", "gauge", "Requests that are not answered.", in_flight },
	{ "requests_total", "counter", "Requests that were answered.",
	  requests },
	{ "read_bytes_total", "counter", "Bytes read.", bytes_read },
	{ "written_bytes_total", "counter", "Bytes written.", bytes_written },
	{ "errors_total", "counter", "Answers that were errors.", errors },
	{ "failures_total", "counter", "Times that the connection was lost.",
	  failures },
};

static void begin(const char *what, const char *name, const char *type,
		  const char *help)
{
	printf("# HELP nbd_%s_%s %s\n# TYPE nbd_%s_%s %s\n", what, name, help,
	       what, name, type);
}

/* Text that is not UTF-8 is shown escaped: whoever reads it would take none of it. */
static void print_label(const char *name, const char *value)
{
	char shown[4 * NBD_MAX_STRING + 8];
	size_t len = strlen(value);

	if (!text_is_utf8(value, len))
		value = text_escape(shown, sizeof(shown), value, len);
	printf("%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", stdout);
		else if (*value == '"' || *value == '\\')
			printf("\\%c", *value);
		else
			putchar(*value);
	}
	putchar('"');
}

static void print_info(const struct nl_devices *devices)
{
	size_t i;

	begin("device", "info", "gauge", "Always 1; what the device is.");
	for (i = 0; i < devices->n; i++) {
		const struct nl_device *d = &devices->d[i];

		printf("nbd_device_info{device=\"nbd%u\",", d->index);
		print_label("state", print_state(d->state));
		putchar(',');
		print_label("backend", d->backend ? d->backend : "");
		printf("} 1\n");
	}
}

static void print_device_metric(const struct nl_devices *devices,
				const struct device_metric *m)
{
	size_t i;

	begin("device", m->name, m->type, m->help);
	for (i = 0; i < devices->n; i++)
		printf("nbd_device_%s{device=\"nbd%u\"} %llu\n", m->name,
		       devices->d[i].index, m->value(&devices->d[i]));
}

static void print_conn_metric(const struct nl_devices *devices,
			      const struct conn_metric *m)
{
	const struct nl_device *d;
	size_t i, j;

	begin("connection", m->name, m->type, m->help);
	for (i = 0; i < devices->n; i++) {
		d = &devices->d[i];
		for (j = 0; j < d->nr_conns; j++)
			printf("nbd_connection_%s{device=\"nbd%u\",connection=\"%u\"} %llu\n",
			       m->name, d->index, d->conns[j].index,
			       m->value(&d->conns[j]));
	}
}

/* Of all connections, if they are there: without one of them it would begin anew. */
static bool sum_latency(const struct nl_device *d, struct nl_latency *sum)
{
	size_t i;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < d->nr_conns; i++) {
		if (!d->conns[i].latency)
			return false;
		latency_add(sum, NULL, d->conns[i].latency);
	}
	return d->nr_conns;
}

static void print_histogram(u32 index, const char *kind, const u64 *count)
{
	const double unit = NBD_LATENCY_UNIT_NS / 1e9;
	char labels[64];
	unsigned int e;

	snprintf(labels, sizeof(labels), "device=\"nbd%u\",kind=\"%s\"", index,
		 kind);
	for (e = LEAST_EXPONENT; e <= MOST_EXPONENT; e++)
		printf("nbd_device_request_seconds_bucket{%s,le=\"%.12g\"} %llu\n",
		       labels, unit * (1u << e), latency_below(count, e));
	printf("nbd_device_request_seconds_bucket{%s,le=\"+Inf\"} %llu\n", labels,
	       latency_total(count));
	printf("nbd_device_request_seconds_sum{%s} %.9g\n", labels,
	       latency_seconds(count));
	printf("nbd_device_request_seconds_count{%s} %llu\n", labels,
	       latency_total(count));
}

static void print_latency(const struct nl_devices *devices)
{
	static const char *const kinds[NL_LATENCY_KINDS] = {
		[NL_LATENCY_READ]	= "read",
		[NL_LATENCY_WRITE]	= "write",
		[NL_LATENCY_TRIM]	= "trim",
		[NL_LATENCY_FLUSH]	= "flush",
	};
	struct nl_latency sum;
	size_t i;
	int kind;

	begin("device", "request_seconds", "histogram",
	      "How long requests took; the sum is reckoned from buckets.");
	for (i = 0; i < devices->n; i++) {
		const struct nl_device *d = &devices->d[i];

		if (!sum_latency(d, &sum))
			continue;
		for (kind = 0; kind < NL_LATENCY_KINDS; kind++)
			print_histogram(d->index, kinds[kind], sum.count[kind]);
	}
}

/**
 * print_metrics - all devices, for Prometheus
 * @devices: the devices
 */
void print_metrics(const struct nl_devices *devices)
{
	size_t i;

	print_info(devices);
	for (i = 0; i < ARRAY_SIZE(device_metrics); i++)
		print_device_metric(devices, &device_metrics[i]);
	for (i = 0; i < ARRAY_SIZE(conn_metrics); i++)
		print_conn_metric(devices, &conn_metrics[i]);
	print_latency(devices);
}
