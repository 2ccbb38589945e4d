/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exit statuses of nbdctl. They are part of its interface: the manual page
 * and --help list them, scripts test them, so numbers are only ever added.
 */
#ifndef NBDCTL_STATUS_H
#define NBDCTL_STATUS_H

enum nbdctl_status {
	ST_OK		= 0,
	ST_FAILED	= 1,	/* anything that has no number of its own */
	ST_USAGE	= 2,	/* unknown verb or option, malformed URI */
	ST_UNREACHABLE	= 3,	/* host unknown, refused, timed out */
	ST_PROTOCOL	= 4,	/* not an NBD server, or it broke the protocol */
	ST_REFUSED	= 5,	/* the server said no, or its offer is unusable */
	ST_BUSY		= 6,	/* the device is in use, or a monitor is running */
	ST_NO_DEVICE	= 7,	/* no such device, or it is not attached */
	ST_NOT_PERMITTED = 8,	/* needs CAP_SYS_ADMIN */
	ST_NO_MODULE	= 9,	/* module missing, or the stock one is loaded */
};

#endif /* NBDCTL_STATUS_H */
