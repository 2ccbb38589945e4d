# SPDX-License-Identifier: GPL-2.0-or-later
"""What programs share that call the driver by themselves: netlink, ioctl, sockets."""
import ctypes
import errno
import os
import socket
import struct

GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME, CTRL_ATTR_MCAST_GROUPS = 1, 2, 7
CTRL_ATTR_MCAST_GRP_NAME, CTRL_ATTR_MCAST_GRP_ID = 1, 2
NLM_F_REQUEST, NLM_F_ACK = 1, 4
NLMSG_ERROR = 2
SOL_NETLINK, NETLINK_EXT_ACK = 270, 11
NLMSGERR_ATTR_MSG = 1
NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x100, 0x200

CONNECT, DISCONNECT, RECONFIGURE, STATUS, GET, LATENCY = 1, 2, 3, 5, 32, 33
INDEX, SIZE, BLOCK, TIMEOUT, FLAGS, CFLAGS, SOCKETS, DEAD, _, BACKEND = \
    range(1, 11)
DEPTH, PREFERRED, PAYLOAD, REQUEST, AHEAD, FENCE, ATTACH, DETACH = \
    range(32, 40)
STATE, CONNECTIONS, ZEROES, CHANGE, CONNECTION, MOVED_TO, SERIAL = \
    40, 41, 48, 49, 51, 56, 57
REPLACE, SHRINK = 1, 2
DETACH_UNUSED, DETACH_DEAD = 1, 2
STATE_LIVE, STATE_PARKED = 2, 3

SET_SOCK, SET_BLKSIZE, SET_SIZE, DO_IT, CLEAR_SOCK, CLEAR_QUE, PRINT_DEBUG, \
    SET_SIZE_BLOCKS, DISCONNECT_IOCTL, SET_TIMEOUT, SET_FLAGS = \
    range(0xab00, 0xab0b)

SYS_DELETE_MODULE, SYS_FINIT_MODULE = 176, 313

# Python's own ioctl takes no more than an int.
libc = ctypes.CDLL(None, use_errno=True)
libc.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong]


def ioctl(fd, number, arg=0):
    """The errno of an ioctl, 0 if it went well."""
    return ctypes.get_errno() if libc.ioctl(fd, number, arg) < 0 else 0


def load(path, options=""):
    """The errno of loading a module, 0 if it went well."""
    fd = os.open(path, os.O_RDONLY)
    try:
        if libc.syscall(SYS_FINIT_MODULE, fd, options.encode(), 0) < 0:
            return ctypes.get_errno()
        return 0
    finally:
        os.close(fd)


def unload(name):
    """The errno of unloading a module, 0 if it went well."""
    if libc.syscall(SYS_DELETE_MODULE, name.encode(), os.O_NONBLOCK) < 0:
        return ctypes.get_errno()
    return 0


def module_range():
    """Where the code of the module begins, and an address that it ends before.

    OSError if it is not loaded. Where code and data are apart, something else may lie
    between its end and this one.
    """
    with open("/sys/module/nbd/sections/.text", encoding="ascii") as file:
        begin = int(file.read(), 16)
    with open("/sys/module/nbd/coresize", encoding="ascii") as file:
        return begin, begin + int(file.read())


def dial(where):
    """A socket of a server that speaks the fixed newstyle, and what it says."""
    sock = socket.socket(socket.AF_UNIX if where.startswith("/") else
                         socket.AF_INET)
    for way in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, way, struct.pack("ll", 20, 0))
    sock.connect(where if where.startswith("/") else ("127.0.0.1", int(where)))
    greeting = sock.recv(18, socket.MSG_WAITALL)
    # The unnamed export, without 124 bytes of zeroes behind the answer.
    sock.sendall(struct.pack(">L8sLL", 3, b"IHAVEOPT", 1, 0))
    answer = sock.recv(10, socket.MSG_WAITALL)
    if len(greeting) < 18 or len(answer) < 10:
        raise OSError(errno.ECONNRESET, "the server closed the connection")
    for way in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, way, bytes(16))
    return sock, *struct.unpack(">QH", answer)


def attr(kind, data):
    """One attribute, padded."""
    raw = struct.pack("=HH", 4 + len(data), kind) + data
    return raw + bytes(-len(raw) % 4)


def attrs(data):
    """The attributes in a buffer."""
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        yield kind & 0x3fff, data[4:size]
        data = data[(size + 3) & ~3:]


def u32(kind, value):
    """An attribute of 32 bits."""
    return attr(kind, struct.pack("=I", value & 0xffffffff))


def u64(kind, value):
    """An attribute of 64 bits."""
    return attr(kind, struct.pack("=Q", value & (1 << 64) - 1))


def sockets(*descriptors):
    """The list of sockets."""
    return attr(SOCKETS | 0x8000, b"".join(
        attr(1 | 0x8000, u32(1, fd)) for fd in descriptors))


class Netlink:
    """A socket of the family; OSError if there is none."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.sock.bind((0, 0))
        self.sock.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self.groups = {}
        self.family = GENL_ID_CTRL
        error, _, answer = self.ask(
            CTRL_CMD_GETFAMILY, attr(CTRL_ATTR_FAMILY_NAME, b"nbd\0"))
        known = dict(attrs(answer[20:]))
        family = known.get(CTRL_ATTR_FAMILY_ID)
        if error or not family:
            self.sock.close()
            # The kernel had no memory for an answer, but did for the ACK.
            error = error or errno.ENOBUFS
            raise OSError(error, os.strerror(error))
        self.family = struct.unpack("=H", family)[0]
        for _, group in attrs(known.get(CTRL_ATTR_MCAST_GROUPS, b"")):
            says = dict(attrs(group))
            name = says[CTRL_ATTR_MCAST_GRP_NAME].rstrip(b"\0").decode()
            self.groups[name] = struct.unpack("=I", says[CTRL_ATTR_MCAST_GRP_ID])[0]

    def send(self, command, payload):
        """The command, which the kernel carries out before this returns."""
        body = struct.pack("=BBH", command, 1, 0) + payload
        self.sock.send(struct.pack("=IHHII", 16 + len(body), self.family,
                                   NLM_F_REQUEST | NLM_F_ACK, 1, 0) + body)

    def answer(self):
        """Errno, the kernel's words, and the message before the ACK."""
        message = b""
        while True:
            data = self.sock.recv(1 << 20)
            size, kind, flags = struct.unpack_from("=IHH", data)
            if kind != NLMSG_ERROR:
                message = data[:size]
                continue
            error = -struct.unpack_from("=i", data, 16)[0]
            # The request follows, all of it or its header only.
            inner = struct.unpack_from("=I", data, 20)[0]
            skip = 20 + (16 if flags & NLM_F_CAPPED or not error else
                         (inner + 3) & ~3)
            words = ""
            if flags & NLM_F_ACK_TLVS:
                words = dict(attrs(data[skip:size])).get(
                    NLMSGERR_ATTR_MSG, b"").rstrip(b"\0").decode()
            return error, words, message

    def ask(self, command, payload):
        """Both."""
        self.send(command, payload)
        return self.answer()
