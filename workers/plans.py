"""The paper's Fig. 3 as tables, in its order. `Other remaining tasks` is all time that is in no stage of the paper."""

from migrations_app.technologies.ways import WAYS
from workers import stages
from workers.context import MigrationContext as Context
from workers.engine import Plan, Stage

OTHER = "Other remaining tasks"
RSYNC_LIMIT_S = stages.RSYNC_LIMIT_S


def app_is_missing(ctx: Context) -> bool:
    """The two application stages run only where the target does not hold the application layer."""
    return not ctx.app_found


CHECK = Stage[Context](name="check", title="Check both hosts", paper_title=OTHER, do=stages.check)
PREPARE = Stage[Context](
    name="prepare", title="Connect the hosts", paper_title=OTHER, do=stages.prepare, undo=stages.remove_what_came
)
CLONE_BASE_AS_APP = Stage[Context](
    name="clone_base_as_app",
    title="Clone base as app",
    paper_title="Clone base as app",
    do=stages.clone_base_as_app,
    wanted=app_is_missing,
    time_limit_s=130,
)
RSYNC_APP = Stage[Context](
    name="rsync_app_filesystem",
    title="rsync app filesystem",
    paper_title="rsync app filesystem",
    do=stages.rsync_app_filesystem,
    wanted=app_is_missing,
    time_limit_s=RSYNC_LIMIT_S,
)
CLONE_APP_AS_INSTANCE = Stage[Context](
    name="clone_app_as_instance",
    title="Clone app as instance",
    paper_title="Clone app as instance",
    do=stages.clone_as_instance,
    time_limit_s=130,
)
CLONE_BASE_AS_INSTANCE = Stage[Context](
    name="clone_base_as_instance",
    title="Clone base as instance",
    paper_title="Clone app as instance",
    do=stages.clone_as_instance,
    time_limit_s=130,
)
SUSPEND = Stage[Context](
    name="suspend_instance",
    title="Suspend instance",
    paper_title="Suspend instance",
    do=stages.suspend_instance,
    undo=stages.resume_on_source,
    down=True,
    interruptible=False,  # a save broken off half-way leaves processes frozen
    time_limit_s=stages.suspend_limit_s,
)
RSYNC_FILES = Stage[Context](
    name="rsync_instance_filesystem",
    title="rsync instance filesystem",
    paper_title="rsync instance filesystem",
    do=stages.rsync_instance_filesystem,
    down=True,
    time_limit_s=RSYNC_LIMIT_S,
)
RSYNC_MEMORY = Stage[Context](
    name="rsync_instance_memory",
    title="rsync instance in-memory state",
    paper_title="rsync instance in-memory state",
    do=stages.rsync_instance_memory,
    down=True,
    time_limit_s=RSYNC_LIMIT_S,
)
RESTORE = Stage[Context](
    name="restore_instance",
    title="Restore instance",
    paper_title="Restore instance",
    do=stages.restore_instance,
    undo=stages.undo_restore,
    down=True,
    commits=True,
    interruptible=False,
    time_limit_s=90,
)
# The technology alone knows when its copy is good enough to switch over: both stages commit, and the first can be cancelled
LIVE_COPY = Stage[Context](
    name="live_copy",
    title="Mirror the disk and copy the memory",
    paper_title="Copy while it runs",  # the paper has no such stage
    do=stages.copy_live,
    undo=stages.undo_restore,
    commits=True,
    time_limit_s=600,  # MEC_LIVE_LIMIT_SECONDS takes its place
)
SWITCH_OVER = Stage[Context](
    name="switch_over",
    title="Switch over",
    paper_title="Restore instance",
    do=stages.switch_over,
    undo=stages.resume_on_source,
    down=True,
    commits=True,
    interruptible=False,
    time_limit_s=90,
)
# Rounds: what is copied while the service runs is no part of the instance's suspension, and the paper has no such stage
COPY_ROUNDS = Stage[Context](
    name="copy_rounds",
    title="Copy in rounds while it runs",
    paper_title="Copy while it runs",
    do=stages.copy_rounds,
    undo=stages.stop_rounds,
    time_limit_s=600,  # MEC_LIVE_LIMIT_SECONDS takes its place
)
SEND_REST = Stage[Context](
    name="send_rest",
    title="Send what changed since",
    paper_title="rsync instance in-memory state",
    do=stages.send_rest,
    down=True,
    time_limit_s=RSYNC_LIMIT_S,
)
ANNOUNCE = Stage[Context](
    name="announce", title="Announce the new place", paper_title="Restore instance", do=stages.announce, down=True
)
VERIFY = Stage[Context](name="verify", title="Verify that it goes on", paper_title=OTHER, do=stages.verify)
CLEAN_UP = Stage[Context](
    name="clean_up_source", title="Clean up the source", paper_title=OTHER, do=stages.clean_up_source
)

STAGES = {
    stage.name: stage
    for stage in (
        *(CHECK, PREPARE, CLONE_BASE_AS_APP, RSYNC_APP, CLONE_APP_AS_INSTANCE, CLONE_BASE_AS_INSTANCE),
        *(
            SUSPEND,
            RSYNC_FILES,
            RSYNC_MEMORY,
            RESTORE,
            LIVE_COPY,
            SWITCH_OVER,
            COPY_ROUNDS,
            SEND_REST,
            ANNOUNCE,
            VERIFY,
            CLEAN_UP,
        ),
    )
}
# by the way's key
PLANS: dict[str, Plan[Context]] = {key: tuple(STAGES[name] for name in way.stages) for key, way in WAYS.items()}
