"""The portal's records."""

from .choices import (
    ACTIVE,
    FINAL,
    TRANSITIONS,
    HostRole,
    HostStatus,
    Kind,
    Method,
    MigrationStatus,
    OperationKind,
    OperationStatus,
    Origin,
    ServiceStatus,
    StageStatus,
    Storage,
)
from .host import Host, HostFacts
from .layer import Application, BaseLayer, LayerCopy
from .migration import Event, Migration, ProbeSample, StageRun
from .operation import Operation
from .service import Service, ServiceNetwork

__all__ = [
    "ACTIVE",
    "FINAL",
    "TRANSITIONS",
    "Application",
    "BaseLayer",
    "Event",
    "Host",
    "HostFacts",
    "HostRole",
    "HostStatus",
    "Kind",
    "Method",
    "LayerCopy",
    "Migration",
    "MigrationStatus",
    "Operation",
    "OperationKind",
    "OperationStatus",
    "Origin",
    "ProbeSample",
    "Service",
    "ServiceNetwork",
    "ServiceStatus",
    "StageRun",
    "StageStatus",
    "Storage",
]
