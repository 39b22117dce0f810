"""Answers datagrams with a counter, and takes hold of what CRIU cannot save when one says so: `hold KIND`, `drop`."""

# ruff: noqa: PTH108 - it works with descriptors
import ctypes
import os
import socket
import time

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWPID, CLONE_NEWUSER = 0x20000000, 0x10000000
IO_URING_SETUP, INOTIFY_ADD, USERFAULTFD, BPF, PERF, SECRET = 425, 254, 323, 321, 298, 447
held, children = [], []


def system_call(*arguments):
    """A descriptor, or OSError."""
    number = libc.syscall(*arguments)
    if number < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return number


def deleted_file():
    number = os.open("/tmp/large", os.O_RDWR | os.O_CREAT)
    for _ in range(80):
        os.write(number, os.urandom(1_000_000))
    os.unlink("/tmp/large")
    return number


def watched_deleted_file():
    number = libc.inotify_init()
    kept = os.open("/tmp/watched", os.O_RDWR | os.O_CREAT)
    libc.inotify_add_watch(number, b"/tmp/watched", 2)
    os.unlink("/tmp/watched")
    held.append(kept)
    return number


def renamed_file():
    """Open under a name that it lost; it has another one."""
    number = os.open("/tmp/first", os.O_RDWR | os.O_CREAT)
    os.link("/tmp/first", "/tmp/second")
    os.unlink("/tmp/first")
    return number


def child(prepare):
    pid = os.fork()
    if pid == 0:
        prepare()
        time.sleep(1000)
        os._exit(0)
    children.append(pid)
    return os.open("/dev/null", os.O_RDONLY)


def nested_pids():
    if libc.unshare(CLONE_NEWPID):
        os._exit(1)
    if os.fork() == 0:
        time.sleep(1000)


def secret():
    import mmap

    number = system_call(SECRET, 0)
    os.ftruncate(number, 4096)
    held.append(mmap.mmap(number, 4096))
    return number


KINDS = {
    "io-uring": lambda: system_call(IO_URING_SETUP, 8, ctypes.create_string_buffer(120)),
    "large-deleted-file": deleted_file,
    "renamed-file": renamed_file,
    "watched-deleted-file": watched_deleted_file,
    "alg-socket": lambda: socket.socket(38, socket.SOCK_SEQPACKET, 0).detach(),
    "vsock": lambda: socket.socket(40, socket.SOCK_STREAM).detach(),
    "mptcp": lambda: socket.socket(2, socket.SOCK_STREAM, 262).detach(),
    "sctp": lambda: socket.socket(2, socket.SOCK_STREAM, 132).detach(),
    "xdp-socket": lambda: socket.socket(44, socket.SOCK_RAW).detach(),
    "ping-socket": lambda: socket.socket(2, socket.SOCK_DGRAM, 1).detach(),
    "raw-socket": lambda: socket.socket(2, socket.SOCK_RAW, 1).detach(),
    "packet-socket": lambda: socket.socket(17, socket.SOCK_RAW, 0x300).detach(),
    "userfaultfd": lambda: system_call(USERFAULTFD, 1),
    "pty": lambda: os.openpty()[0],
    "fanotify": lambda: system_call(300, 0, 0),
    "bpf": lambda: system_call(BPF, 0, ctypes.create_string_buffer(b"\1\0\0\0\4\0\0\0\4\0\0\0\1\0\0\0", 120), 72),
    "traced-child": lambda: child(lambda: libc.ptrace(0, 0, 0, 0)),
    "traced": lambda: child(lambda: libc.ptrace(0x4206, os.getppid(), 0, 0)),
    "nested-pids": lambda: child(nested_pids),
    "nested-users": lambda: child(lambda: libc.unshare(CLONE_NEWUSER)),
    "secret-memory": secret,
    "pidfd": lambda: os.pidfd_open(os.getpid()),
}
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("0.0.0.0", 7000))
count = 0
while True:
    said, asker = server.recvfrom(64)
    word, _, kind = said.decode().partition(" ")
    count += 1
    answer = f"count {count}"
    try:
        if word == "hold":
            held.append(KINDS[kind]())
    except OSError as error:
        answer = str(error)
    if word == "drop":
        for pid in children:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
        for number in held:
            os.close(number) if isinstance(number, int) else number.close()
        held.clear()
        children.clear()
    server.sendto(answer.encode(), asker)
