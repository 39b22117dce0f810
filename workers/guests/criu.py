"""What CRIU's log says, in one sentence: the cause and how to mend it."""

import re

# the first pattern that is found speaks; order from the specific to the general
KNOWN: tuple[tuple[str, str], ...] = (
    (r"No space left on device", "the disk is full: free space on that host and migrate again."),
    (r"io_uring", "it uses io_uring, which CRIU cannot save: start the application with io_uring turned off."),
    (r"inotify.*(?:no|can't|cannot)|Can't dump that handle", "it watches files that lie on no layer: turn that watching off."),
    (r"ghost file.*(?:size|bigger|limit)|Can't dump ghost file", "it holds a deleted file that is too large to carry: restart the application so that it lets the file go."),
    (r"(?:Unsupported|Unknown|unsupported) (?:socket|protocol|address) (?:family|type)|BUG: Unknown? sock", "it holds a kind of socket that CRIU cannot save: configure the application to use TCP, UDP or Unix sockets."),
    (r"External socket is used|unix socket .* without peer|external unix", "it is connected to a Unix socket outside its container: keep both ends inside it."),
    (r"In-flight connection", "a TCP connection was just being made: migrate again."),
    (r"Can't find tty|tty: .*(?:Err|rror)", "a process holds a terminal of the host: start the command without one."),
    (r"Can't lookup mount=|unreachable sharing|Mount .* is ignored", "it holds a file that is not inside its root: let its command open files of the layer only."),
    (r"ptrace|seized|PTRACE_SEIZE", "another program traces one of its processes: end the debugger."),
    (r"device .*(?:is not supported|unsupported)|Can't dump (?:char|block) dev|chrdev", "it holds a device open that CRIU cannot save: run it without that device."),
    (r"Can't get rlimit", "its processes run as another user in a privileged container: deploy it anew, unprivileged."),
    (r"couldn't restore veth interface|Can't create macvlan|usernsd.*-95", "an interface of the host has the number that the service's own has: see docs/hosts.md, interface numbers."),
    (r"(?:Bad|Wrong|Mismatching|has bad) (?:file )?(?:size|build-id|mode)|File .* has bad", "a file of its layers is different on the target: provision the layers there anew."),
    (r"Can't open file .* No such file|Can't open .*: No such file", "a file that it holds open is missing on the target: provision the layers there anew."),
    (r"cpu.*(?:mismatch|not supported)|CPU (?:capabilit|feature)|xsave", "the target's CPU lacks features that it uses: choose a target with the same CPU features."),
    (r"apparmor|LSM", "the two hosts differ in AppArmor or SELinux: configure both alike."),
    (r"iptables|nft.*(?:failed|rror)|Locking network failed", "the host cannot lock its network: install iptables there."),
    (r"Pid \d+ .*(?:exists|busy)|Can't fork for \d+: File exists", "a process number is taken on the target: remove left-overs of an earlier restoration there."),
    (r"cg: .*(?:Err|rror|failed)|cgroup.*(?:failed|rror)", "its cgroups could not be made again: look whether the target's cgroup version is the source's."),
)  # fmt: skip


def explain(log: str) -> str | None:
    """One sentence for the first known cause in a CRIU log; None when none is known."""
    errors = "\n".join(line for line in log.splitlines() if _is_error(line))
    if not errors:
        return None
    for pattern, sentence in KNOWN:
        if re.search(pattern, errors, re.IGNORECASE):
            return sentence
    return None


def _is_error(line: str) -> bool:
    # written on success, too
    harmless = "rlimit: Can't setup" in line or "cgroupd: recv req" in line
    return ("Error" in line or "No space" in line) and not harmless
