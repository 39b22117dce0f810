"""Commands on this machine, run with a time limit and a readable error."""

import subprocess
from collections.abc import Mapping, Sequence

from lab.errors import LabError


def run(
    argv: Sequence[str],
    *,
    timeout_s: float = 60,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> str:
    """Run `argv` and return its standard output.

    Raises LabError with the end of its output if it fails or takes longer than `timeout_s` seconds.
    """
    try:
        done = subprocess.run(
            list(argv),
            input=stdin if stdin is not None else "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
            env=None if env is None else dict(env),
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise LabError(f"`{' '.join(argv)}` did not end within {timeout_s:.0f} s.") from late
    except OSError as error:
        raise LabError(f"`{argv[0]}` cannot be started: {error.strerror}.") from error
    if done.returncode:
        tail = "\n".join(done.stdout.strip().splitlines()[-8:])
        raise LabError(f"`{' '.join(argv)}` failed with exit code {done.returncode}:\n{tail}")
    return done.stdout
