"""How a migration ends, where a service can be, and the errors that decide it."""

from enum import StrEnum


class Outcome(StrEnum):
    """Every migration ends in exactly one of these."""

    SUCCEEDED = "succeeded"
    FINISHED_WITH_PROBLEMS = "finished_with_problems"
    REJECTED = "rejected"
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"
    STUCK = "stuck"


class Location(StrEnum):
    """Where a service is, as both hosts said when they were asked."""

    SOURCE = "source"  # it runs there, or its saved state is whole there and it never went on elsewhere
    TARGET = "target"
    BOTH = "both"
    NOWHERE = "nowhere"
    UNKNOWN = "unknown"  # a host does not answer


class MigrationError(Exception):
    """A stage failed. `args[0]` is one sentence for a person; `log` is what the tool wrote, for download."""

    def __init__(self, sentence: str, log: str = "") -> None:
        super().__init__(sentence)
        self.log = log


class CheckFailed(MigrationError):
    """The checks found faults, all of them listed; nothing was touched."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = faults


class LeaseLost(BaseException):
    """This worker owns the work no longer, or cannot know: it stops where it is, like one that was killed.

    Not an Exception, so that nothing on its way takes it for a stage that failed, and undoes what is another's now.
    """


class Cancelled(Exception):
    """A person asked for the end, before the point of no return."""
