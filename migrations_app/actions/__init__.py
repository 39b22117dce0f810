"""Every write. Keyword-only; a refusal is a ValidationError with one sentence and what to do."""

from .applications import add_application, remove_application
from .deployments import deploy_service, record_service, remove_service, start_service, stop_service
from .hosts import check_host, pin_host_key, record_facts, record_unreachable, register_host, remove_host, update_host
from .layers import build_application, build_base, provision_base, record_layer_copy, record_layer_gone, set_network
from .migrations import cancel_migration, request_migration
from .operations import claim_operation, finish_operation, note_progress, queue_operation
from .running import (
    beat,
    claim,
    commit,
    finish,
    record_event,
    record_made,
    record_moved,
    record_progress,
    record_samples,
    record_stage,
    release_kept_state,
)

__all__ = [
    "add_application",
    "beat",
    "build_application",
    "build_base",
    "cancel_migration",
    "check_host",
    "claim",
    "claim_operation",
    "commit",
    "deploy_service",
    "finish",
    "finish_operation",
    "note_progress",
    "pin_host_key",
    "provision_base",
    "queue_operation",
    "record_event",
    "record_facts",
    "record_layer_copy",
    "record_layer_gone",
    "record_made",
    "record_moved",
    "record_progress",
    "record_samples",
    "record_service",
    "record_stage",
    "record_unreachable",
    "register_host",
    "release_kept_state",
    "remove_application",
    "remove_host",
    "remove_service",
    "request_migration",
    "set_network",
    "start_service",
    "stop_service",
    "update_host",
]
