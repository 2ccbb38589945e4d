/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NBD URIs. */
#ifndef NBDCTL_URI_H
#define NBDCTL_URI_H

#include "common.h"
#include "err.h"

#define URI_DEFAULT_PORT	10809
#define URI_MAX_EXPORT		4096	/* bytes, the protocol's own limit */
#define URI_MAX_HOST		255
#define URI_MAX_SOCKET		107	/* what fits in sun_path with a NUL */

enum uri_transport {
	URI_TCP,
	URI_UNIX,
	URI_VSOCK,
};

/**
 * struct uri - a parsed URI
 * @transport: how to reach the server
 * @tls: whether the scheme asks for TLS
 * @host: TCP: name or address, without brackets
 * @port: TCP and vsock
 * @cid: vsock
 * @socket: UNIX: path; an abstract name begins with a NUL
 * @socket_len: UNIX: bytes in @socket
 * @export: name of the export, may be empty
 */
struct uri {
	enum uri_transport transport;
	bool tls;
	char host[URI_MAX_HOST + 1];
	u32 port;
	u32 cid;
	char socket[URI_MAX_SOCKET + 1];
	size_t socket_len;
	char export[URI_MAX_EXPORT + 1];
};

#define URI_MAX_FORMAT	(3 * (URI_MAX_EXPORT + URI_MAX_HOST) + 128)

int uri_parse(struct uri *uri, const char *text, struct err *err);
int uri_set_export(struct uri *uri, const char *name, struct err *err);
char *uri_format(const struct uri *uri, char *dst, size_t size);
int uri_make_absolute(struct uri *uri, struct err *err);
char *uri_server(const struct uri *uri, char *dst, size_t size);

#endif /* NBDCTL_URI_H */
