"""What both hosts said before a migration, and what is wrong with it. Pure; nothing is changed."""

from workers.move import Move

SPARE_DISK_BYTES = 200_000_000
Said = dict[str, str]


def faults_of(move: Move, source: Said, target: Said) -> list[str]:
    """Every fault that does not depend on the technology, one sentence each with what to do."""
    return [
        *_layer_faults(move, source, target),
        *_place_faults(move, source, target),
        *_room_faults(move, source, target),
    ]


def _layer_faults(move: Move, source: Said, target: Said) -> list[str]:
    station = move.station
    faults = []
    if not target["base_digest"]:
        faults.append(f"The target lacks the base layer {station.base}: provision it there first.")
    elif target["base_digest"] != source["base_digest"]:
        faults.append(f"The base layer {station.base} differs between the two hosts: provision the target's anew.")
    if not source.get("app_digest") and (move.layers == 2 or not target["app_digest"]) and _needs_app(move):
        faults.append(
            "Neither host holds the application layer: bring it to the target first, from the application's page."
        )
    if move.idle_memory and not source.get("app_idle") and not target.get("app_idle"):
        faults.append(
            "Neither host holds the memory of the idle application: migrate without it, or remove the layer from the target "
            "and bring it there anew from a host where it was built."
        )
    return faults


def _needs_app(move: Move) -> bool:
    # a full copy with two layers carries the application inside the instance
    return move.layers == 3 or move.station.storage == "overlay"


def _place_faults(move: Move, source: Said, target: Said) -> list[str]:
    faults = []
    if source["state"] != "RUNNING":
        faults.append(f"{move.service} does not run on the source (it is {source['state'].lower()}): start it first.")
    if target["instance"] != "free" or target["state"] not in ("ABSENT", "STOPPED"):
        faults.append(
            f"The target already has something at /var/lib/mec/instances/{move.service}: look what it is and move it away."
        )
    return faults


def _room_faults(move: Move, source: Said, target: Said) -> list[str]:
    faults = []
    memory, instance = int(source.get("memory_bytes") or 0), int(source.get("instance_bytes") or 0)
    app = int(source.get("app_bytes") or 0) if not target["app_digest"] or move.layers == 2 else 0
    needed = memory + instance + app + SPARE_DISK_BYTES
    if int(target["disk_free_bytes"]) < needed:
        faults.append(
            f"The target has {_mb(target['disk_free_bytes'])} MB of disk free and needs {_mb(needed)}: free space there."
        )
    if int(source["disk_free_bytes"]) < memory + SPARE_DISK_BYTES:
        faults.append(
            f"The source has {_mb(source['disk_free_bytes'])} MB of disk free and needs {_mb(memory + SPARE_DISK_BYTES)} "
            "to save the state: free space there."
        )
    if int(target["memory_free_bytes"]) < memory:
        faults.append(
            f"The target has {_mb(target['memory_free_bytes'])} MB of memory free and the service uses {_mb(memory)}: "
            "choose another target."
        )
    return faults


def _mb(size: str | int) -> int:
    return int(size) // 1_000_000
