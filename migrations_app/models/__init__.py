"""The portal's records."""

from .choices import (
    ACTIVE,
    FINAL,
    MOVED,
    TRANSITIONS,
    CellStatus,
    Design,
    ExperimentStatus,
    HostRole,
    HostStatus,
    MigrationStatus,
    OperationKind,
    OperationStatus,
    Origin,
    Policy,
    ServiceStatus,
    StageStatus,
    Storage,
    TimelineKind,
    kinds,
    methods,
    way_in_words,
)
from .experiment import Cell, Experiment
from .host import Host, HostFacts
from .layer import Application, BaseLayer, LayerCopy
from .migration import Event, Migration, ProbeSample, StageRun
from .operation import Operation
from .service import Service, ServiceNetwork
from .timeline import TimelineEvent
from .watch import HostWatch

__all__ = [
    "ACTIVE",
    "FINAL",
    "MOVED",
    "TRANSITIONS",
    "Application",
    "BaseLayer",
    "kinds",
    "Cell",
    "CellStatus",
    "Design",
    "Event",
    "Experiment",
    "ExperimentStatus",
    "Host",
    "HostFacts",
    "HostRole",
    "HostStatus",
    "HostWatch",
    "methods",
    "LayerCopy",
    "Migration",
    "MigrationStatus",
    "Operation",
    "OperationKind",
    "OperationStatus",
    "Origin",
    "Policy",
    "ProbeSample",
    "Service",
    "ServiceNetwork",
    "ServiceStatus",
    "StageRun",
    "StageStatus",
    "Storage",
    "TimelineEvent",
    "TimelineKind",
    "way_in_words",
]
