"""What CRIU's log says, in one sentence: the cause and how to fix it.

Each pattern is a log line that was captured (tests/workers/criu_logs) or CRIU 4.2's own wording, whose file is named.
"""

# ruff: noqa: E501 - one cause a line
import re

# the first pattern that is found speaks; order from the specific to the general; \1 is what the pattern caught
KNOWN: tuple[tuple[str, str], ...] = (
    (r"No space left on device", "the disk is full: free space on that host and migrate again."),
    # a ring cannot be passed over a socket, which is how CRIU takes a process's files out of it
    (r"io_uring|send_fds failed \(-22\)", "it uses io_uring, which CRIU cannot save: start the application with io_uring turned off."),
    (r"fsnotify: .*Can't dump that handle", "it watches a file that was deleted or lies on no layer: turn that watching off, or restart the application."),
    (r"Can't dump ghost file (\S+) of (\d+) size", r"it holds the deleted file \1 of \2 bytes, which is too large to carry: restart the application so that it lets the file go."),
    (r"Unsupported proto 262", "it uses Multipath TCP, which CRIU cannot save: turn that off (in Go programs with the environment variable GODEBUG=multipathtcp=0)."),
    (r"Unsupported proto (\d+)", r"it holds a socket of protocol \1, which CRIU cannot save: configure the application to use TCP or UDP."),
    (r"Unknown socket collected \(family (\d+)\)", r"it holds a socket of family \1, which CRIU cannot save: configure the application to use TCP, UDP or Unix sockets."),
    (r"Can't dump file \d+ of that type \[\d+\] \(anon (?:anon_inode:)?\[?([\w-]+)\]?\)", r"it holds a \1, which CRIU cannot save: turn off what uses it in the application."),
    # files.c, for what is neither a plain file nor a pipe nor a socket
    (r"Can't dump file \d+ of that type \[\d+\] \((?:chr|blk)", "it holds a device open that CRIU cannot save: run it without that device."),
    (r"Can't dump nested (pid|user) namespace", r"it makes a \1 namespace of its own, as sandboxes do, which CRIU cannot save: start the application with its sandbox turned off."),
    (r"found while seizing", "one of its processes is traced by another program, or just ends: end the debugger and migrate again."),
    # sk-unix.c
    (r"External socket is used|Can't dump half of stream unix connection", "it is connected to a Unix socket outside its container: keep both ends inside it."),
    # tty.c
    (r"\) ?: ?tty: ", "a process holds a terminal of the host: start the command without one."),
    # files-reg.c, three times
    (r"Can't lookup mount=", "it holds a file that is not inside its root: let its command open files of the layer only."),
    (r"has bad (?:size|mode|build-ID)", "a file of its layers is different on the target: provision the layers there anew."),
    (r"Can't open file (\S+) on restore", r"the file \1, which it holds open, is missing on the target: provision the layers there anew."),
    (r"Can't get rlimit", "its processes run as another user in a privileged container: deploy it anew, unprivileged."),
    (r"-17 reported by netlink", "an interface of that host still has the name of the service's own, of its last stay there: wait two minutes, or remove it with 'ip link delete', and migrate again."),
    # cr-service.c and arch/x86/cpu.c
    (r"\) ?: ?cpu: ", "the target's CPU lacks features that it uses: choose a target with the same CPU features."),
    (r"LSM specified but \w+ not supported", "the two hosts differ in AppArmor or SELinux: configure both alike."),
    # net.c
    (r"Locking network failed", "the host cannot lock its network: install iptables there."),
    # cgroup.c
    (r"\) ?: ?cg: ", "its cgroups could not be made again: look whether the target's cgroup version is the source's."),
)  # fmt: skip


def explain(log: str) -> str | None:
    """One sentence for the first known cause in a CRIU log; None when none is known."""
    errors = "\n".join(line for line in log.splitlines() if _is_error(line))
    for pattern, sentence in KNOWN:
        if found := re.search(pattern, errors):
            return found.expand(sentence)
    return None


def _is_error(line: str) -> bool:
    # written on success, too
    harmless = "rlimit: Can't setup" in line or "cgroupd: recv req" in line
    return ("Error" in line or "No space" in line) and not harmless
