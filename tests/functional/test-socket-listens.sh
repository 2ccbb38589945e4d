#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who has another descriptor of a socket that the driver has disconnects it and listens
# with it: the connection is over, and who is accepted there is nobody of ours.
# debug: check
# leaks: yes
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires python3
cat >"$T/listens" <<-'END'
	import ctypes, os, socket, struct, sys, threading, time
	sys.path.insert(0, sys.argv[1])
	from nbdcall import CLEAR_SOCK, DO_IT, SET_SOCK, ioctl

	libc = ctypes.CDLL(None, use_errno=True)
	nobody = struct.pack("H14x", socket.AF_UNSPEC)

	def pair():
	    """Two ends of a TCP connection."""
	    with socket.create_server(("127.0.0.1", 0)) as server:
	        one = socket.create_connection(server.getsockname())
	        return one, server.accept()[0]

	def listen(sock):
	    """With a socket that was connected; the error of that is taken."""
	    if libc.connect(sock.fileno(), nobody, len(nobody)):
	        sys.exit(f"connect: {os.strerror(ctypes.get_errno())}")
	    sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
	    sock.bind(("127.0.0.1", 0))
	    sock.listen()

	def accepted(sock, what):
	    """A child that is woken by what comes, both ends; nothing if it was refused."""
	    try:
	        other = socket.create_connection(sock.getsockname())
	        sock.settimeout(20)
	        child, _ = sock.accept()
	    except OSError:
	        return ()
	    child.settimeout(20)
	    threading.Timer(0.5, other.send, (b"hello",)).start()
	    try:
	        child.recv(5)
	    except TimeoutError:
	        sys.exit(f"{what}: whoever was accepted is not woken")
	    return child, other

	def do_it(fd, result):
	    result.append(ioctl(fd, DO_IT))

	def attempt(what, before):
	    fd = os.open("/dev/nbd0", os.O_RDWR)
	    sock, server = pair()
	    if ioctl(fd, SET_SOCK, sock.fileno()):
	        sys.exit(f"{what}: SET_SOCK")
	    result = []
	    thread = threading.Thread(target=do_it, args=(fd, result), daemon=True)
	    if before:
	        listen(sock)
	        thread.start()
	    else:
	        thread.start()
	        time.sleep(0.5)
	        listen(sock)
	    pair_now = accepted(sock, what)
	    thread.join(20)
	    if not result:
	        sys.exit(f"{what}: DO_IT goes on")
	    if not result[0]:
	        sys.exit(f"{what}: DO_IT ended without an error")
	    print(f"{what}: {os.strerror(result[0])}, {len(pair_now)} ends of a child")
	    ioctl(fd, CLEAR_SOCK)
	    os.close(fd)
	    return sock, server, pair_now

	kept = [attempt("before DO_IT", True), attempt("during DO_IT", False)]
	print("ready", flush=True)
	sys.stdin.read()
	for _, _, ends in kept:
	    if ends:
	        ends[1].send(b"again")
	        ends[0].recv(5)
END
# It has them open when the module goes.
mkfifo "$T/go"
/usr/bin/python3 "$T/listens" "$(dirname "$0")/../servers" <"$T/go" >"$T/out" 2>&1 &
listens=$!
exec 7>"$T/go"
is_ready()
{
	grep -q ready "$T/out" || gone $listens
}
wait_for 80 is_ready || fail "it hangs: $(cat "$T/out")"
grep -q ready "$T/out" || fail "$(cat "$T/out")"
say "$(head -n 2 "$T/out")"
wait_for 10 not_attached nbd0 || fail "nbd0 is attached"
unload_module
exec 7>&-
wait $listens || fail "$(cat "$T/out")"
load_module
