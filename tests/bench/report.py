"""What is shown of the measurements: a plot for the README and a table for docs/develop.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pygal
from pygal.style import CleanStyle

from tests.bench.metrics import Metric

PLOT, TABLE = "bench.svg", "bench.md"
CALLS = ("a customer's first code", "the next code", "a check")
PEERS = {
    "this service": ("issue_ms", "issue_repeat_ms", "verify_by_id_ms"),
    "three calls of Okta": (
        "issue_three_calls_ms",
        "issue_three_calls_ms",
        "verify_three_calls_ms",
    ),
    "okta (Python SDK)": ("issue_okta_sdk_ms", "issue_okta_sdk_ms", "verify_okta_sdk_ms"),
    "okta-auth-js, with a password": (
        *("issue_okta_auth_js_ms", "issue_okta_auth_js_ms"),
        "verify_okta_auth_js_ms",
    ),
}
"""Names of metrics for each of `CALLS`. Only this service keeps what it has looked up."""

STARTS = {
    "this service": "init_ms_issue",
    "okta (Python SDK)": "init_ms_okta_sdk",
}


def write(metrics: Sequence[Metric], folder: Path) -> None:
    """Write both into the folder."""
    values = {each.metric: each.value for each in metrics}
    # Without npm, okta-auth-js was not measured.
    peers = {name: calls for name, calls in PEERS.items() if values.keys() >= set(calls)}
    chart = pygal.HorizontalBar(
        js=[],  # a picture: no script, and nothing from other hosts
        title="Milliseconds of a call, if Okta answers in 50",
        style=CleanStyle(font_family="sans-serif"),
        width=800,
        height=400,
        legend_at_bottom=True,
        print_values=True,
        value_formatter=lambda value: f"{value:.0f}",
    )
    chart.x_labels = list(peers)
    for number, call in enumerate(CALLS):
        chart.add(call, [values[calls[number]] for calls in peers.values()])
    chart.render_to_file(str(folder / PLOT))
    rows: list[tuple[str, ...]] = [("milliseconds", *CALLS, "start")]
    for name, calls in peers.items():
        start = values.get(STARTS.get(name, ""))
        rows.append(
            (name, *(f"{values[each]:.0f}" for each in calls), f"{start:.0f}" if start else "")
        )
    rows.insert(1, ("---",) * len(rows[0]))
    lines = (f"| {' | '.join(row)} |\n" for row in rows)
    (folder / TABLE).write_text("".join(lines))
