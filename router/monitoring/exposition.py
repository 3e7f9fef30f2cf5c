"""The figures in Prometheus' text format: the one door to prometheus_client. `NAMES` is what dashboards may ask for."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from router.frozen import dataclass
from router.monitoring.tally import Histogram, Tally

NAMES: dict[str, str] = {
    "mailrouter_mails_total": "Mails of our queues that were answered, by the queue that answers and the verdict.",
    "mailrouter_out_of_scope_total": "Mails for none of our queues, passed on unread.",
    "mailrouter_rule_fired_total": "How often a rule fired, by its id and mode.",
    "mailrouter_redirected_total": "Mails that were redirected, by the queue they went to.",
    "mailrouter_held_total": "Mails that were held for a person.",
    "mailrouter_replies_total": "Wishes for an acknowledgement: asked for, or stopped by a gate.",
    "mailrouter_degraded_total": "Mails in which something could not be known, by reason.",
    "mailrouter_wait_seconds": "How long a mail waited for look-ups and for a worker.",
    "mailrouter_decide_seconds": "How long a worker took for a mail.",
    "mailrouter_connections": "Open connections of mail servers.",
    "mailrouter_workers": "Worker processes: wanted, running, idle.",
    "mailrouter_mails_waiting": "Mails that wait for a worker.",
    "mailrouter_worker_starts_total": "Workers started: more than the wanted ones means that some died.",
    "mailrouter_generation": "How many times rules and model were loaded.",
    "mailrouter_rules_loaded_timestamp_seconds": "When the rules in use were loaded.",
    "mailrouter_rules_current": "1: the rules in use are those of the file; 0: it was changed, or could not be used.",
    "mailrouter_rules_info": "Which rules and model are in use.",
    "mailrouter_reloads_total": "Reloads, by what became of them.",
    "mailrouter_records_total": "Records of journal and thread store: written, lost, failed.",
    "mailrouter_records_waiting": "Records that are not written yet.",
    "mailrouter_lessons_total": "Mails of the desk that taught the thread store: learned, lost.",
    "mailrouter_mta_lacks": "1 for each edit that a mail server that came by does not carry out.",
    "mailrouter_shadow_total": "Mails that the shadow decided too: same, differs, failed; or let pass: skipped.",
    "mailrouter_shadow_differences_total": "Mails that the shadow decided otherwise, by what differs.",
    "mailrouter_shadow_deciding": "1: the shadow of the rules decides; 0: it is refused, stopped or what is in use.",
    "mailrouter_lookups_total": "Look-ups outside (DNS, lists), by what became of them.",
    "mailrouter_events_total": "Everything else that is counted.",
}
"""Name -> what it says."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One moment of a filter. status: what `mailrouter status` gets. records_waiting: of the recorder."""

    tally: Tally
    status: Mapping[str, Any]
    records_waiting: int


class _Collector(Collector):
    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        figures, tally = self._figures, self._figures.tally
        status = figures.status
        counters = dict(status["counters"])
        yield _counter("mails", ("queue", "verdict"), sorted(tally.mails.items()))
        yield _counter("out_of_scope", (), [((), counters.pop("out-of-scope", 0))])
        yield _counter("rule_fired", ("rule", "mode"), sorted(tally.rules.items()))
        yield _counter("redirected", ("queue",), _single(tally.redirected))
        yield _counter("held", (), [((), tally.held)])
        yield _counter("replies", ("outcome",), _single(tally.replies))
        yield _counter("degraded", ("reason",), _taken(counters, "degraded-"))
        yield _histogram("wait_seconds", tally.waited)
        yield _histogram("decide_seconds", tally.decided)
        workers = dict(status["workers"])
        yield _gauge("mails_waiting", (), [((), workers.pop("mails_waiting"))])
        yield _gauge("workers", ("state",), _single(workers))
        yield _gauge("connections", (), [((), status["connections"])])
        yield _counter("worker_starts", (), [((), counters.pop("workers-started", 0))])
        rules = status["rules"]
        yield _gauge("generation", (), [((), status["generation"])])
        yield _gauge(
            "rules_loaded_timestamp_seconds", (), [((), datetime.fromisoformat(rules["loaded_at"]).timestamp())]
        )
        yield _gauge("rules_current", (), [((), int(rules["current"] and not rules["last_good"]))])
        told = (rules["sha256"][:12], rules["name"] or "", status["model"]["id"] or "")
        yield _gauge("rules_info", ("sha256", "name", "model"), [(told, 1)])
        reloads = [(("loaded",), counters.pop("reloads", 0)), (("refused",), counters.pop("reloads-refused", 0))]
        yield _counter("reloads", ("outcome",), reloads)
        records = [
            ((outcome,), counters.pop(name, 0))
            for outcome, name in (("written", "recorded"), ("lost", "records-lost"), ("failed", "records-failed"))
        ]
        yield _counter("records", ("outcome",), records)
        yield _gauge("records_waiting", (), [((), figures.records_waiting)])
        lessons = [(("learned",), counters.pop("lessons", 0)), (("lost",), counters.pop("lessons-lost", 0))]
        yield _counter("lessons", ("outcome",), lessons)
        lacks = {(str(mta["version"]), edit) for mta in status["mta"] for edit in mta["lacking"]}
        yield _gauge("mta_lacks", ("version", "edit"), [(one, 1) for one in sorted(lacks)])
        shadow = status.get("shadow") or {}
        outcomes = [((one,), shadow[one]) for one in ("same", "differs", "skipped", "failed") if one in shadow]
        yield _counter("shadow", ("outcome",), outcomes)
        yield _counter("shadow_differences", ("kind",), _single(shadow.get("kinds", {})))
        yield _gauge("shadow_deciding", (), [((), int(shadow["state"] == "deciding"))] if shadow else [])
        yield _counter("lookups", ("outcome",), _taken(counters, "lookups-") + _taken(counters, "dns-", "dns "))
        yield _counter("events", ("event",), _single(counters))


def text(figures: Figures) -> bytes:
    """For `GET /metrics`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(figures))
    return generate_latest(registry)


ACKNOWLEDGEMENTS: dict[str, str] = {
    "mailrouter_acknowledgements": "Acknowledgements that the store knows, by what became of them.",
    "mailrouter_acknowledgements_muted": "1: no acknowledgement is sent at the moment.",
}
"""What `of_acknowledgements` tells; the service keeps its figures in its database, not in a process."""


def of_acknowledgements(counts: Mapping[str, int], *, muted: bool) -> bytes:
    """For node_exporter's textfile collector: state -> how many, and whether the service is muted."""
    registry = CollectorRegistry(auto_describe=False)
    states = GaugeMetricFamily(*next(iter(ACKNOWLEDGEMENTS.items())), labels=("state",))
    for state, number in sorted(counts.items()):
        states.add_metric((state,), number)
    mute = GaugeMetricFamily(*list(ACKNOWLEDGEMENTS.items())[1], value=float(muted))
    registry.register(_Fixed((states, mute)))
    return generate_latest(registry)


class _Fixed(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def _help(name: str) -> str:
    return NAMES.get(f"mailrouter_{name}_total") or NAMES[f"mailrouter_{name}"]


def _counter(name: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    family = CounterMetricFamily(f"mailrouter_{name}", _help(name), labels=labels)
    for label, value in values:
        family.add_metric(label, value)
    return family


def _gauge(name: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    family = GaugeMetricFamily(f"mailrouter_{name}", _help(name), labels=labels)
    for label, value in values:
        family.add_metric(label, value)
    return family


def _histogram(name: str, histogram: Histogram) -> Metric:
    family = HistogramMetricFamily(f"mailrouter_{name}", _help(name))
    family.add_metric([], histogram.cumulative(), histogram.total_s)
    return family


def _single(counts: Mapping[str, int]) -> list[tuple[tuple[str, ...], float]]:
    return [((name,), count) for name, count in sorted(counts.items())]


def _taken(counters: dict[str, int], prefix: str, shown: str = "") -> list[tuple[tuple[str, ...], float]]:
    """The counters with that prefix, taken out of `counters`."""
    names = sorted(name for name in counters if name.startswith(prefix))
    return [((shown + name.removeprefix(prefix),), counters.pop(name)) for name in names]
