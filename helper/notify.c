// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify.h"

/* Returns the length of the address, 0 when there is nobody to be told. */
static socklen_t manager_address(struct sockaddr_un *sa)
{
	const char *name = secure_getenv("NOTIFY_SOCKET");
	size_t len = name ? strlen(name) : 0;

	if (len < 2 || len >= sizeof(sa->sun_path) ||
	    (name[0] != '/' && name[0] != '@'))
		return 0;
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	memcpy(sa->sun_path, name, len);
	if (name[0] == '@')
		sa->sun_path[0] = '\0';
	else
		len++;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/**
 * notify - tell the service manager something, see sd_notify(3)
 * @fmt: printf format of it
 *
 * Without one nothing is done. It is not waited for: it may itself wait for a
 * disk that we have to revive.
 */
void notify(const char *fmt, ...)
{
	struct sockaddr_un sa;
	socklen_t len = manager_address(&sa);
	char text[256];
	va_list ap;
	int fd;

	if (!len)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
	       (struct sockaddr *)&sa, len);
	close(fd);
}
