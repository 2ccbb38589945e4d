# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scripted servers share: listening, and the handshake."""
import socket
import struct

GREETING = b"NBDMAGIC" + b"IHAVEOPT" + b"\x00\x03"
OPTION_REPLY = 0x3e889045565a9
OPT_EXPORT_NAME, OPT_ABORT, OPT_GO = 1, 2, 7
NO_ZEROES = 1 << 1
REP_ACK, REP_INFO, REP_UNSUP = 1, 3, 1 << 31 | 1
INFO_EXPORT, INFO_BLOCK_SIZE = 0, 3

HAS_FLAGS, SEND_FLUSH, SEND_FUA, SEND_TRIM = 1 << 0, 1 << 2, 1 << 3, 1 << 5
SEND_ZEROES, MULTI_CONN, FAST_ZERO = 1 << 6, 1 << 8, 1 << 11

REQUEST, REPLY = 0x25609513, 0x67446698
READ, WRITE, DISC, FLUSH, TRIM, ZEROES = 0, 1, 2, 3, 4, 6


def read(stream, layout):
    """The next fields from a client."""
    data = stream.read(struct.calcsize(layout))
    if len(data) < struct.calcsize(layout):
        raise EOFError
    return struct.unpack(layout, data)


def tell(conn, option, kind, data=b""):
    """Answer an option."""
    conn.sendall(struct.pack(">QLLL", OPTION_REPLY, option, kind, len(data))
                 + data)


def negotiate(conn, stream, size, flags):
    """Answer options until one begins the transmission."""
    conn.sendall(GREETING)
    client, = read(stream, ">L")
    while True:
        _, option, length = read(stream, ">QLL")
        stream.read(length)
        if option == OPT_EXPORT_NAME:
            conn.sendall(struct.pack(">QH", size, flags) +
                         bytes(0 if client & NO_ZEROES else 124))
            return
        if option == OPT_GO:
            break
        if option == OPT_ABORT:
            raise EOFError
        tell(conn, option, REP_UNSUP)
    tell(conn, option, REP_INFO,
         struct.pack(">HQH", INFO_EXPORT, size, flags))
    tell(conn, option, REP_INFO,
         struct.pack(">HLLL", INFO_BLOCK_SIZE, 512, 4096, 32 << 20))
    tell(conn, option, REP_ACK)


def request(stream):
    """The next command: its flags, number, cookie, offset and length."""
    magic, flags, kind, cookie, offset, length = read(stream, ">LHHQQL")
    if magic != REQUEST:
        raise EOFError
    return flags, kind, cookie, offset, length


def reply(conn, cookie, error=0, data=b""):
    """Answer a command."""
    conn.sendall(struct.pack(">LLQ", REPLY, error, cookie) + data)


def listen(where):
    """A socket that listens on a port of loopback or at a path."""
    if where.isdigit():
        sock = socket.create_server(("127.0.0.1", int(where)))
    else:
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(where)
    sock.listen(64)
    return sock
