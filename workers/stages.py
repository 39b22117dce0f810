"""What each stage does, and how it is undone. Each function is one row's `do` or `undo` in workers/plans.py."""

import asyncio
import time

from migrations_app.technologies.findings import Side
from workers.context import MigrationContext as Context
from workers.convergence import SLOWED_TO_PERCENT, Round, decide
from workers.engine import CheckFailed, MigrationError
from workers.guests.base import Rest
from workers.hosts.base import CommandFailed, raise_first
from workers.preflight import faults_of
from workers.specs import AppAtSource
from workers.transfer.rsync import Part, Sent

RSYNC_LIMIT_S = 3600.0
ANSWER_LIMIT_S = 20.0
NOT_CONVERGING = (
    "Migrate when it changes less, choose “Save and rsync”, or let it be slowed down (MEC_LIVE_NOT_CONVERGING)."
)


async def _send(ctx: Context, parts: list[Part]) -> None:
    sent = await ctx.transfer.send(parts, ctx.facts.get("backhaul_interface", ""), RSYNC_LIMIT_S)
    ctx.bytes_on_wire += sent.bytes_on_wire
    await ctx.note(bytes_rsync=sent.bytes_rsync, bytes_on_wire=sent.bytes_on_wire)


async def check(ctx: Context) -> None:
    """Look at both hosts and ask the service; change nothing; raise with every fault found."""
    instance = ctx.spec.instance
    about = (instance.service, instance.base, instance.app_layer, instance.storage)
    with ctx.clock:  # the probe's first answer is waited for beside the hosts' commands
        asked: list[object] = list(
            await asyncio.gather(
                ctx.source.call(f"{instance.kind}/check_source", *about, ctx.source.endpoint.backhaul_address),
                ctx.target.call(f"{instance.kind}/check_target", *about),
                ctx.probe.wait_for_answer(5.0),
                return_exceptions=True,
            )
        )
    raise_first(error for error in asked if not isinstance(error, Exception))
    errors = [error for error in asked if isinstance(error, Exception)]
    source, target = (said if isinstance(said, dict) else {} for said in asked[:2])
    faults = []
    if source and target:
        here, there = Side(ctx.source.name, source), Side(ctx.target.name, target)
        faults += faults_of(ctx.spec, here, there) + await ctx.guest.faults(ctx.target, here, there)
        # after the others, which name the same with what to do about it
        faults = faults or ctx.guest.definition_faults(ctx.spec, here)
    faults += [str(error) for error in errors]  # after the hosts' own: a guest that panicked does not answer, either
    if faults:
        raise CheckFailed(faults)
    ctx.facts = source
    if source.get("app_path"):
        # the idle application's memory is as large as the layer itself: it travels only where it will be used
        idle = source.get("app_idle", "") if ctx.spec.idle_memory else ""
        ctx.app = AppAtSource(source["app_path"], source["app_digest"], int(source["app_bytes"]), idle)
    held = target["app_digest"]
    same = bool(held) and held in (source.get("app_digest", held), source.get("app_earlier_digest"))
    if same:  # the worker that brought it may have died before it wrote that down
        await ctx.app_kept(target["app_digest"], int(target.get("app_bytes") or 0))
    ctx.app_found = same and (bool(target.get("app_idle")) or not ctx.spec.idle_memory)
    await ctx.note(app_found=ctx.app_found if ctx.spec.layers == 3 else None)


async def prepare(ctx: Context) -> None:
    """Make the way from source to target: a key for this migration alone, and a connection that stays open."""
    await ctx.make(prepared=True)
    if ctx.spec.iterative:
        await ctx.transfer.open(rounds=ctx.rounds_way.receiver())
    elif ctx.spec.live:
        await ctx.transfer.open(live_service=ctx.spec.service, relay=ctx.live_way.relay())
    else:
        await ctx.transfer.open()


async def remove_what_came(ctx: Context) -> None:
    """Undo `prepare`: no key, no connection, nothing received is left."""
    await ctx.transfer.close()


async def clone_base_as_app(ctx: Context) -> None:
    await ctx.store.clone_base_as_app(ctx.target, ctx.spec)


async def rsync_app_filesystem(ctx: Context) -> None:
    """Send the application layer while the service runs; it stays on the target, whatever becomes of the migration."""
    app = ctx.source_app
    await ctx.note(bytes_expected=app.size_bytes)
    await _send(ctx, ctx.store.app_parts(app))
    size = await ctx.store.keep_app(ctx.target, ctx.spec, app)
    await ctx.app_kept(app.digest, size)


async def clone_as_instance(ctx: Context) -> None:
    await ctx.store.clone_as_instance(ctx.target, ctx.spec)


def suspend_limit_s(ctx: Context) -> float:
    """Above the limits of what it runs, so that its own errors are the ones that are told."""
    return ctx.guest.save_limit_s(ctx.size_bytes) + 5


async def suspend_instance(ctx: Context) -> None:
    """The user's downtime begins."""
    await ctx.make(suspending=True)
    ctx.suspended_at = time.monotonic()
    saved = await ctx.guest.suspend(ctx.source, ctx.spec, ctx.size_bytes)
    ctx.definition = saved.definition
    if saved.digest:  # an iterative migration's is known when it has been sent
        await ctx.make(digest=saved.digest, state_bytes=saved.size_bytes)


async def resume_on_source(ctx: Context) -> None:
    """Undo `suspend_instance`, unless the service goes on elsewhere, or did."""
    if "restoring" in ctx.made:
        there = await ctx.guest.look(ctx.target, ctx.spec)
        if there.running or there.went_on:
            raise MigrationError(
                f"{ctx.spec.service} {'runs' if there.running else 'went on'} on {ctx.target.name}, so it was not resumed on "
                f"{ctx.source.name}."
            )
    if problem := await ctx.guest.resume_on_source(ctx.source, ctx.spec):
        await ctx.problem(problem)
    await ctx.guest.announce(ctx.source, ctx.spec.instance)


async def copy_rounds(ctx: Context) -> None:
    """Copy files and memory again and again while the service runs, until what is left is small or shrinks no more."""
    assert ctx.spec.iterative is not None  # only the iterative plan comes here
    ctx.rounds = ctx.rounds_way.between(ctx.source, ctx.target, ctx.spec, ctx.facts.get("backhaul_interface", ""))
    await ctx.rounds.open()
    parts = ctx.store.instance_parts(ctx.spec, ctx.source_app)
    expected, done, slowed = ctx.size_bytes, list[Round](), 0
    considered = 0  # rounds before the service was slowed down say nothing of those after
    while True:
        await ctx.note(bytes_expected=ctx.rounds.bytes_on_wire + expected)
        files = await ctx.transfer.send(parts, ctx.rounds.interface, RSYNC_LIMIT_S, changing=True)
        done.append(await ctx.rounds.copy(files))
        wanted_s, link = ctx.spec.iterative.downtime_ms / 1000, ctx.rounds.bandwidth_mbit
        decision = decide(done[considered:], wanted_s=wanted_s, bandwidth_mbit=link)
        await ctx.note(rounds=[each.as_dict() for each in done], detail=decision.sentence(done))
        expected = done[-1].sent
        if decision.again:
            continue
        if not decision.converges and not ctx.spec.iterative.throttle:
            raise MigrationError(f"{ctx.spec.service} was not suspended: {decision.why}. {NOT_CONVERGING}")
        if decision.converges or slowed == len(SLOWED_TO_PERCENT):
            break
        percent = SLOWED_TO_PERCENT[slowed]
        slowed, considered = slowed + 1, len(done)
        try:
            await ctx.rounds.slow_down(percent)
        except CommandFailed as error:  # a host whose control groups have no such limit
            await ctx.problem(f"{ctx.spec.service} could not be slowed down: {error.args[0]}")
            break
        sentence = f"{decision.sentence(done)[:-1]}: slowed down to {percent} % of its processor time."
        await ctx.note(detail=sentence, event=sentence)
    await ctx.note(bytes_on_wire=ctx.rounds.bytes_on_wire)
    ctx.bytes_on_wire += ctx.rounds.bytes_on_wire


async def stop_rounds(ctx: Context) -> None:
    """Undo `copy_rounds`: what came goes with the rest of what came."""
    if ctx.rounds is not None:
        await ctx.rounds.close()


async def send_rest(ctx: Context) -> None:
    """Send what the target does not hold of the files and of the saved state, beside each other; seal the state."""
    assert ctx.rounds is not None  # copy_rounds comes before in the plan
    parts = ctx.store.instance_parts(ctx.spec, ctx.source_app)
    files, rest = await asyncio.gather(
        ctx.transfer.send(parts, ctx.rounds.interface, RSYNC_LIMIT_S, every_byte=True),
        ctx.rounds.send_rest(),
        return_exceptions=True,
    )
    raise_first((files, rest))
    assert isinstance(files, Sent) and isinstance(rest, Rest)
    await ctx.make(digest=rest.digest, state_bytes=rest.size_bytes)
    # both went over one link at the same time, and the interface counts all that it sends
    wire = max(files.bytes_on_wire, rest.bytes_on_wire)
    ctx.bytes_on_wire += wire
    await ctx.note(bytes_on_wire=wire, bytes_rsync=files.bytes_rsync)
    await ctx.rounds.close()


async def rsync_instance_filesystem(ctx: Context) -> None:
    await _send(ctx, ctx.store.instance_parts(ctx.spec, ctx.source_app))


async def rsync_instance_memory(ctx: Context) -> None:
    await ctx.note(bytes_expected=ctx.saved.size_bytes)
    await _send(ctx, [ctx.guest.state_part(ctx.spec)])


async def restore_instance(ctx: Context) -> None:
    """The point of no return: from here on the service may run on the target."""
    await ctx.make(restoring=True)
    await ctx.guest.restore(ctx.target, ctx.spec, ctx.saved)
    ctx.restored_at = time.monotonic()


async def undo_restore(ctx: Context) -> None:
    await ctx.guest.undo_restore(ctx.target, ctx.spec)


async def copy_live(ctx: Context) -> None:
    """Start the technology's own migration, and return when it switches over: from here on the service may run on the target."""
    await ctx.make(restoring=True, live=True)
    ctx.live = ctx.live_way.between(ctx.source, ctx.target, ctx.spec)
    await ctx.live.start(ctx.facts.get("backhaul_interface", ""))
    await ctx.note(bytes_expected=int(ctx.facts.get("memory_bytes") or 0) + int(ctx.facts.get("instance_bytes") or 0))
    async for progress in ctx.live.copying():
        await ctx.note(detail=progress.sentence, bytes_expected=progress.bytes_expected)
    ctx.suspended_at = time.monotonic()
    await ctx.note(bytes_on_wire=ctx.live.bytes_on_wire)
    ctx.bytes_on_wire += ctx.live.bytes_on_wire


async def switch_over(ctx: Context) -> None:
    """The user's downtime: the last pages are sent and the guest goes on at the target."""
    assert ctx.live is not None  # copy_live comes before in the plan
    before = ctx.live.bytes_on_wire
    await ctx.live.end()
    ctx.restored_at = time.monotonic()
    sent = ctx.live.bytes_on_wire - before
    ctx.bytes_on_wire += sent
    await ctx.note(bytes_on_wire=sent)


async def announce(ctx: Context) -> None:
    """Tell the network, then write down the service's new place, so that a crash from here on cannot lose it."""
    if ctx.restored_at is None:
        ctx.restored_at = time.monotonic()
    try:
        await ctx.guest.announce(ctx.target, ctx.spec.instance)
    finally:
        await ctx.moved()


async def verify(ctx: Context) -> None:
    """The service answers on the target, and its counter did not go back."""
    restored = (ctx.restored_at or time.monotonic()) - ctx.began
    with ctx.clock:  # waiting for the probe's command at the user's side
        await ctx.probe.wait_for_answer(ANSWER_LIMIT_S, asked_after=restored)
    suspended = (ctx.suspended_at - ctx.began) if ctx.suspended_at else 0.0
    before, after = ctx.probe.series.counter_before(suspended), ctx.probe.series.counter_asked_after(restored)
    if before is not None and after is not None and after < before:
        raise MigrationError(
            f"{ctx.spec.service} answers, but its counter went back from {before} to {after}: it was started anew, "
            "and state is lost."
        )


async def clean_up_source(ctx: Context) -> None:
    """End what stood frozen on the source, set its instance aside and close the way; the saved state stays there for a set time.

    Three things that do not depend on each other: one that fails stops none of the others.
    """
    settled, cleaned = await asyncio.gather(
        ctx.guest.settle_target(ctx.target, ctx.spec),
        ctx.guest.clean_up_source(ctx.source, ctx.spec),
        return_exceptions=True,
    )
    (closed,) = await asyncio.gather(ctx.transfer.close(), return_exceptions=True)
    raise_first([settled, cleaned, closed])
    if isinstance(settled, str) and settled:
        raise MigrationError(settled)
