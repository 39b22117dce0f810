"""What CRIU really logged, when it could not save or restore a service, becomes one sentence with what to do."""

from pathlib import Path

import pytest

from workers.guests.lxc.guest import criu

LOGS = Path(__file__).parent / "criu_logs"
CAUSES = {
    "io-uring": "uses io_uring",
    "large-deleted-file": "the deleted file /tmp/large of 80003072 bytes",
    "watched-deleted-file": "watches a file that was deleted",
    "mptcp": "GODEBUG=multipathtcp=0",
    "vsock": "a socket of family 40",
    "xdp-socket": "a socket of family 44",
    "userfaultfd": "holds a userfaultfd",
    "nested-pids": "a pid namespace of its own",
    "nested-users": "a user namespace of its own",
    "traced-child": "traced by another program",
    "cable-still-there": "still has the name of the service's own",
}


@pytest.mark.parametrize("name", sorted(path.stem for path in LOGS.glob("*.log")))
def test_a_captured_log_names_its_cause_and_a_fix(name: str) -> None:
    sentence = criu.explain((LOGS / f"{name}.log").read_text())
    assert sentence is not None
    assert CAUSES[name] in sentence
    assert ": " in sentence
    assert sentence.endswith(".")
    assert "\\" not in sentence


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("(00.1) Error (criu/sk-unix.c:900): unix: Can't dump half of stream unix connection.", "Unix socket outside"),
        ("(00.1) Error (criu/tty.c:2280): tty: Found slave peer index 3 without correspond master", "terminal"),
        ("(00.1) Error (criu/files-reg.c:1800): Can't lookup mount=61 for fd=0 path=/dev/null", "not inside its root"),
        ("(00.1) Error (criu/files-reg.c:2200): File srv/x has bad size 3 (expect 4)", "is different on the target"),
        ("(00.1) Error (criu/cgroup.c:1500): cg: Failed closing cgroup dir", "its cgroups"),
        ("(00.1) Error (criu/pagemap-cache.c:1): Can't write: No space left on device", "the disk is full"),
    ],
)
def test_criu_s_own_wording_is_recognised(line: str, cause: str) -> None:
    assert cause in str(criu.explain(line))


def test_what_criu_logs_on_success_is_no_cause() -> None:
    log = (
        "Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted\n"
        "Error (criu/cgroup.c:2055): cg: cgroupd: recv req error: No such file or directory\n"
    )
    assert criu.explain(log) is None


def test_an_unknown_failure_is_not_guessed_at() -> None:
    assert criu.explain("Error (criu/cr-dump.c:1975): Dumping FAILED.") is None
