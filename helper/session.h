/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several handshakes with one server at the same time. */
#ifndef NBDCTL_SESSION_H
#define NBDCTL_SESSION_H

#include "negotiate.h"
#include "transport.h"

#define SESSION_MAX_LINKS	256

enum link_state {
	LINK_WAITING,		/* for its turn, or for room in the backlog */
	LINK_CONNECTING,
	LINK_TALKING,
	LINK_DONE,		/* the operation has ended, see neg */
	LINK_FAILED,		/* err says why; the socket is closed */
};

struct link {
	enum link_state state;
	int fd;			/* -1: none */
	bool cut;		/* it ended before the server had greeted */
	struct negotiate neg;
	struct err err;
};

/**
 * struct session - all connections to one server
 * @server: its name for messages
 * @address: the address whose server greeted; all connections use this one
 * @links: the connections
 * @n: their number
 * @deadline: when all must be done
 * @sole_is_enough: end when one connection finds that it may not be shared
 */
struct session {
	char server[512];
	struct address address;
	struct link *links;
	unsigned int n;
	s64 deadline;
	bool sole_is_enough;
};

int session_open(struct session *s, const struct uri *uri, const char *peer,
		 unsigned int n, s64 deadline,
		 const struct neg_request *request, struct err *err);
int session_run(struct session *s);
int session_ask(struct session *s, const struct neg_request *request,
		struct err *err);
void session_drop(struct link *link);
void session_hand_over(struct session *s);
void session_close(struct session *s);

#endif /* NBDCTL_SESSION_H */
