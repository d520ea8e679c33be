"""A concern in plain text: the facts that a reader needs to judge it, in the same words everywhere."""

from __future__ import annotations

from pynomaly_itest.report.attention import MOST_PLACES, Concern
from pynomaly_itest.report.baselines import comparison_facts
from pynomaly_itest.report.document import FindingDocument, GateDocument
from pynomaly_itest.report.gates import observed_text
from pynomaly_itest.report.numbers import pair, percent, quantity, signed


def concern_lines(concern: Concern) -> list[str]:
    """The headline, then one fact a line, then why."""
    lines = [f"{concern.verdict.value}: {concern.headline}"]
    if concern.gate is not None:
        lines += [f"  {fact}" for fact in gate_facts(concern.gate)]
    if concern.finding is not None:
        lines += [f"  {fact}" for fact in finding_facts(concern.finding)]
    if concern.comparison is not None:
        lines += [f"  {fact}" for fact in comparison_facts(concern.comparison)]
    if concern.reason:
        lines.append(f"  why: {concern.reason}")
    if concern.within is not None:
        lines.append(
            f"  step {concern.within.title or concern.within.kind}: {concern.within.source_line.strip(' -')}"
        )
    if concern.where:
        lines.append(f"  at {concern.where}" + (f": {concern.source_line}" if concern.source_line else ""))
    if concern.alike:
        lines.append(f"  {places_text(concern)}")
    return lines


def places_text(concern: Concern) -> str:
    """The other places of the same cause, the first few by name."""
    places = list(dict.fromkeys(other.place for other in concern.alike if other.place != concern.place))
    count = len(concern.alike)
    if not places:
        return f"the same {count} {'time' if count == 1 else 'times'} more there"
    named = ", ".join(places[:MOST_PLACES])
    more = f" and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else ""
    return f"the same in {len(places)} more {'place' if len(places) == 1 else 'places'}: {named}{more}"


def gate_facts(gate: GateDocument) -> list[str]:
    """Observed, limit, margin, interval and n, as far as the gate has them."""
    shown = pair(gate.observed, gate.limit, gate.unit)
    facts = [
        f"observed {observed_text(gate, shown.observed)}, limit {gate.op or ''} {shown.limit}".replace(
            "  ", " "
        )
    ]
    if gate.margin is not None:
        facts.append(f"margin {margin_text(gate)}")
    if gate.interval is not None:
        facts.append(interval_text(gate))
    if gate.n is not None:
        facts.append(f"n {gate.n:,}")
    return facts


def margin_text(gate: GateDocument) -> str:
    """The margin in the gate's unit and in percent of the limit, a dash where there is none."""
    if gate.margin is None:
        return "–"
    text = signed(gate.margin, gate.unit)
    return text if gate.margin_percent is None else f"{text} ({percent(gate.margin_percent)})"


def interval_text(gate: GateDocument) -> str:
    """The interval with its confidence; an open end is said in words."""
    if gate.interval is None:
        return "–"
    low, high = gate.interval
    sure = "" if gate.confidence is None else f" at {quantity(100 * gate.confidence)} % confidence"
    if low is None and high is None:
        return f"unbounded{sure}"
    if low is None:
        return f"at most {quantity(high, gate.unit)}{sure}"
    if high is None:
        return f"at least {quantity(low, gate.unit)}{sure}"
    return f"{quantity(low)} to {quantity(high, gate.unit)}{sure}"


def finding_facts(finding: FindingDocument) -> list[str]:
    """Severity, place, expected and observed, the risk and the mend."""
    facts = {
        "severity": finding.severity,
        "at": finding.where,
        "expected": finding.expected,
        "observed": finding.observed,
        "risk": finding.why,
        "mend": finding.mend,
    }
    return [f"{name}: {value}" for name, value in facts.items() if value]
