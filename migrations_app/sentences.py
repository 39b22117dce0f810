"""What the pages say about a migration: what cancelling does now, how it ended, what to do next."""

from collections.abc import Sequence

from migrations_app.models import Migration, MigrationStatus, StageRun, StageStatus

_SENT_ON = {
    MigrationStatus.SUCCEEDED: "{service} runs on {target} and goes on where it stopped.",
    MigrationStatus.FINISHED_WITH_PROBLEMS: "{service} runs on {target}, but something after the move went wrong.",
    MigrationStatus.REJECTED: "The checks refused it. Nothing was changed: {service} runs on {source}.",
    MigrationStatus.ROLLED_BACK: "It failed and was undone: {service} runs on {source} as before.",
    MigrationStatus.CANCELLED: "It was cancelled and undone: {service} runs on {source} as before.",
    MigrationStatus.STUCK: "It is not certain where {service} runs. Nothing more was touched: a person must look.",
}
_NEXT = {
    MigrationStatus.SUCCEEDED: "Nothing is left to do.",
    MigrationStatus.FINISHED_WITH_PROBLEMS: "Read the problems below; the service itself needs nothing.",
    MigrationStatus.REJECTED: "Mend what is named below, then migrate again.",
    MigrationStatus.ROLLED_BACK: "Mend what is named below, then migrate again.",
    MigrationStatus.CANCELLED: "Migrate again whenever you like.",
    MigrationStatus.STUCK: "Look at both hosts before anything else, and check them from their pages.",
}


def outcome(migration: Migration) -> str:
    """How it ended, in words; empty while it runs."""
    sentence = _SENT_ON.get(migration.shown_status, "")
    return sentence.format(service=migration.service_name, source=migration.source, target=migration.target)


def next_step(migration: Migration) -> str:
    """What a person should do now; the engine's own advice comes first."""
    return migration.advice or _NEXT.get(migration.shown_status, "")


def cancelling(migration: Migration, stages: Sequence[StageRun]) -> str:
    """What cancelling does at this moment."""
    if migration.status == MigrationStatus.QUEUED:
        return "It has not begun: it is taken out of the queue and nothing changes."
    if migration.committed_at is not None:
        return "The service is already being restored on its target: it is too late to cancel."
    if migration.cancel_requested_at is not None:
        return "Cancelling has been asked for: what was begun is being undone."
    begun = {stage.name for stage in stages if stage.status not in (StageStatus.WAITING, StageStatus.SKIPPED)}
    if "suspend_instance" in begun:
        return (
            f"The service is suspended: it is resumed on {migration.source}, and what was sent to {migration.target} "
            "is removed there."
        )
    return (
        f"The service goes on undisturbed on {migration.source}. What was made on {migration.target} is removed; "
        "an application layer that has arrived whole stays."
    )
