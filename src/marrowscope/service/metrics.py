"""Metrics for Prometheus: counts and durations, nothing that names anybody."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 60)


class Metrics:
    """The metrics of one running service, in their own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "marrowscope_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "marrowscope_request_seconds",
            "Time to the end of an answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.logins = Counter("marrowscope_logins", "Log-ins tried.", ("outcome",), registry=self.registry)
        self.analyses = Gauge(
            "marrowscope_analyses", "Analyses by status.", ("status",), registry=self.registry
        )
        self.audit_entries = Gauge(
            "marrowscope_audit_entries", "Entries of the audit trail.", registry=self.registry
        )

        self.deliveries = Gauge(
            "marrowscope_deliveries",
            "Signed reports by what became of sending them.",
            ("status",),
            registry=self.registry,
        )
        self.outbox_seconds = Gauge(
            "marrowscope_outbox_oldest_seconds",
            "For how long the oldest report in the outbox has waited.",
            registry=self.registry,
        )
        self.control_signals = Gauge(
            "marrowscope_control_signals",
            "Open signals of control slides, by what has drifted.",
            ("cause",),
            registry=self.registry,
        )

        self.queue_seconds = Gauge(
            "marrowscope_queue_oldest_seconds",
            "How long the oldest unfinished analysis has waited, 0 if none does.",
            registry=self.registry,
        )
        self.fields = Counter(
            "marrowscope_fields", "Fields read by the networks.", ("outcome",), registry=self.registry
        )
        self.cells = Counter(
            "marrowscope_cells", "Cells named by the networks.", ("familiar",), registry=self.registry
        )
        self.disk_free = Gauge(
            "marrowscope_disk_free_bytes", "Free space for the data folder.", registry=self.registry
        )
        self.disk_needed = Gauge(
            "marrowscope_disk_needed_bytes", "With less, uploads are refused.", registry=self.registry
        )
        self.backup = Gauge(
            "marrowscope_last_backup_seconds",
            "When the last backup was made, in seconds since 1970, 0 if none is known.",
            registry=self.registry,
        )
        for outcome in ("read", "failed"):
            self.fields.labels(outcome)
        for familiar in ("yes", "no"):
            self.cells.labels(familiar)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
