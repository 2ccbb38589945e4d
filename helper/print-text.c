// SPDX-License-Identifier: GPL-2.0-or-later
/* Output for people. */
#include <stdio.h>
#include <string.h>

#include <linux/nbd-netlink.h>

#include "advice.h"
#include "device.h"
#include "persist.h"
#include "print.h"
#include "root-disk.h"
#include "text.h"

static char *escape_backend(const struct nl_device *d, char *dst, size_t size)
{
	const char *backend = d->backend ? d->backend : "-";

	return text_escape(dst, size, backend, strlen(backend));
}

static void text_list(const struct nl_devices *devices)
{
	char backend[4096], size[16], name[16], conns[24];
	size_t i;

	if (!devices->n)
		return;
	printf("%-8s %8s %9s  %-13s %s\n", "DEVICE", "SIZE", "CONNS", "STATE",
	       "BACKEND");
	for (i = 0; i < devices->n; i++) {
		const struct nl_device *d = &devices->d[i];

		snprintf(name, sizeof(name), "nbd%u", d->index);
		snprintf(conns, sizeof(conns), "%u/%zu", nl_live(d),
			 d->nr_conns);
		printf("%-8s %8s %9s  %-13s %s\n", name,
		       text_size(size, sizeof(size), d->size), conns,
		       print_state(d->state),
		       escape_backend(d, backend, sizeof(backend)));
	}
}

static void row(const char *name)
{
	printf("  %-16s ", name);
}

static void row_number(const char *name, u64 value, const char *unit)
{
	row(name);
	printf("%llu%s\n", value, unit);
}

static void row_size(const char *name, u64 value)
{
	char size[16];

	row(name);
	if (value < 1024)
		printf("%llu bytes\n", value);
	else
		printf("%llu bytes (%s)\n", value,
		       text_size(size, sizeof(size), value));
}

static void row_maximum(const char *name, u32 value)
{
	if (value == NBD_NO_MAXIMUM) {
		row(name);
		printf("none\n");
	} else {
		row_size(name, value);
	}
}

static void row_flags(u64 flags)
{
	const struct export_flag *f;
	bool any = false;

	row("flags");
	for (f = export_flags; f->name; f++) {
		if (!(flags & f->bit))
			continue;
		printf("%s%s", any ? " " : "", f->name);
		any = true;
	}
	printf("%s\n", any ? "" : "none");
}

static void text_conn(const struct nl_conn *c)
{
	char peer[512], read[16], written[16];

	printf("  connection %-5u %s for %llu ms, %s\n", c->index,
	       print_conn_state(c->state), c->since,
	       text_escape(peer, sizeof(peer), c->peer, strlen(c->peer)));
	printf("  %-16s %llu requests, %s read, %s written, %llu errors, %u in flight\n",
	       "", c->requests,
	       text_size(read, sizeof(read), c->bytes_read),
	       text_size(written, sizeof(written), c->bytes_written),
	       c->errors, c->in_flight);
	printf("  %-16s generation %u, %u failures, last error: %s\n", "",
	       c->generation, c->failures,
	       c->last_error ? strerror(c->last_error) : "none");
}

static void text_reconnecting(const struct nl_device *d)
{
	struct state_tries s;

	if (!tries_read(d, &s))
		return;
	row("reconnecting");
	printf("%llu %s, last %llu s ago: %s\n", s.tries,
	       s.tries == 1 ? "try" : "tries", (tries_now() - s.last) / 1000,
	       s.error);
	state_free_tries(&s);
}

static void text_persist(const struct nl_device *d)
{
	bool persist = d->attach_flags & NBD_ATTACH_PERSIST;
	char uri[4096];
	struct state_attach s;
	size_t i;

	row("persist");
	printf("%s\n", persist ? "yes" : "no");
	if (!persist)
		return;
	if (persist_read(d, &s)) {
		for (i = 0; i < s.n; i++) {
			row("alternate");
			printf("%s\n", text_escape(uri, sizeof(uri),
						   s.alternates[i],
						   strlen(s.alternates[i])));
		}
		state_free_attach(&s);
	}
	text_reconnecting(d);
}

static void text_advice(const struct nl_device *d)
{
	char advice[256];

	if (!advice_on(d, root_disk_is(d->index), advice, sizeof(advice)))
		return;
	row("what to do");
	printf("%s\n", advice);
}

static void text_moved(const struct nl_device *d)
{
	char uri[4096];

	if (!d->moved_to)
		return;
	row("moved to");
	printf("%s\n", text_escape(uri, sizeof(uri), d->moved_to,
				   strlen(d->moved_to)));
}

static void text_device(const struct nl_device *d)
{
	char backend[4096];
	size_t i;
	u64 wbt;

	printf("nbd%u\n", d->index);
	row("state");
	printf("%s\n", print_state(d->state));
	text_advice(d);
	row("backend");
	printf("%s\n", escape_backend(d, backend, sizeof(backend)));
	text_moved(d);
	row_size("size", d->size);
	row_size("logical block", d->block_size);
	row_size("preferred block", d->preferred);
	row_maximum("payload maximum", d->payload_max);
	row_size("request limit", d->max_request);
	row_size("read-ahead", d->read_ahead);
	if (device_wbt(d->index, &wbt))
		row_number("wbt latency", wbt, " us (write-back throttling, 0 is off)");
	row_flags(d->server_flags);
	row_number("timeout", d->timeout, " s");
	row_number("dead timeout", d->dead_timeout, " s");
	row_number("fence", d->fence, " ms");
	row("partitions");
	printf("%s\n", d->attach_flags & NBD_ATTACH_NO_PARTSCAN ?
	       "not scanned" : "scanned");
	row("zeroes");
	printf("%s\n", print_zeroes(d->zeroes));
	row("multi-conn");
	printf("%s\n", d->attach_flags & NBD_ATTACH_FORCE_MULTI_CONN ?
	       "forced" : "not forced");
	row("option GO");
	printf("%s\n", d->attach_flags & NBD_ATTACH_NO_OPTGO ?
	       "not tried" : "tried");
	row_number("queue depth", d->queue_depth, " per connection");
	row("queues");
	printf("%u, with %u tags together\n", d->hw_queues, d->tags);
	row_number("openers", d->openers, "");
	row_number("parked requests", d->parked, "");
	row("on restart");
	printf("%s\n", d->attach_flags & NBD_ATTACH_LOSS_FAILS ?
	       "error" : "trust");
	text_persist(d);
	row_number("possible losses", d->losses, d->losses ?
		   " (flushes that came too late if the server was restarted, check the disk)" :
		   "");
	row_number("attached by", d->pid, " (process)");
	row("connections");
	printf("%u of %zu live\n", nl_live(d), d->nr_conns);
	for (i = 0; i < d->nr_conns; i++)
		text_conn(&d->conns[i]);
}

static void text_status(const struct nl_devices *devices)
{
	size_t i;

	for (i = 0; i < devices->n; i++) {
		if (i)
			printf("\n");
		text_device(&devices->d[i]);
	}
}

static void text_info_begin(const char *uri)
{
	char shown[4 * NBD_MAX_STRING];

	printf("%s\n", text_escape(shown, sizeof(shown), uri, strlen(uri)));
}

static void text_info_export(const struct offer *offer)
{
	char shown[4 * NBD_MAX_STRING + 8];
	const struct export *e = offer->export;

	printf("export \"%s\"\n",
	       text_escape(shown, sizeof(shown), offer->name,
			   offer->name_len));
	if (e->description_len) {
		row("description");
		printf("%s\n", text_escape(shown, sizeof(shown),
					   e->description,
					   e->description_len));
	}
	if (!offer->known)
		return;
	row_size("size", e->size);
	row_flags(e->flags);
	row("block sizes");
	printf("%s\n", e->has_block ? "from the server" : "not said");
	row_size("minimum block", e->minimum);
	row_size("preferred block", e->preferred);
	row_maximum("payload maximum", e->maximum);
}

static void text_info_end(void)
{
}

const struct print_ops print_text = {
	.list		= text_list,
	.status		= text_status,
	.info_begin	= text_info_begin,
	.info_export	= text_info_export,
	.info_end	= text_info_end,
};
