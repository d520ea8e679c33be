"""What probes found, cleaned for showing, and whether it counts."""

from __future__ import annotations

from pynomaly_itest.checks import in_words
from pynomaly_itest.events import FindingRecorded
from pynomaly_itest.report.document import SEVERITIES, ChecksDocument, FindingDocument, NotMadeDocument
from pynomaly_itest.report.exchanges import exchange_document
from pynomaly_itest.report.untrusted import clean, one_line, paragraph
from pynomaly_itest.results import RunResult


def finding_document(finding: FindingRecorded, fail_on: str, body_chars: int) -> FindingDocument:
    """A finding; it counts from severity `fail_on` on, unless it is waived."""
    return FindingDocument(
        id=one_line(finding.id),
        scenario=one_line(finding.scenario),
        title=one_line(finding.title),
        verdict=finding.verdict,
        reason=paragraph(finding.reason),
        severity=clean(finding.severity),
        fingerprint=clean(finding.fingerprint),
        where=one_line(finding.where),
        expected=paragraph(finding.expected),
        observed=paragraph(finding.observed),
        why=paragraph(finding.why),
        mend=paragraph(finding.mend),
        references=[one_line(reference) for reference in finding.references],
        curl=paragraph(finding.curl),
        exchange=exchange_document(finding.exchange, body_chars),
        waived_by=paragraph(finding.waived_by),
        counts=does_count(finding, fail_on),
    )


def checks_document(run: RunResult) -> ChecksDocument:
    """Which of the planned checks were made, and why the others were not."""
    checks = run.checks
    return ChecksDocument(
        planned=len(checks),
        made=sum(each.is_made for each in checks),
        not_made=[
            NotMadeDocument(
                id=one_line(each.id),
                scenario=one_line(scenario.id),
                title=one_line(each.title),
                severity=clean(each.severity),
                reason=one_line(each.reason, 1000),
                hint=each.hint and one_line(each.hint),
            )
            for scenario in run.scenarios
            for each in scenario.checks
            if not each.is_made
        ],
        told=in_words(checks),
        required=run.started.require_checks and clean(run.started.require_checks),
    )


def does_count(finding: FindingRecorded, fail_on: str) -> bool:
    """Whether a hole fails the run: from severity `fail_on` on, unless somebody answers for it."""
    return finding.waived_by is None and _at_least(finding.severity, fail_on)


def _at_least(severity: str, fail_on: str) -> bool:
    """Whether a severity is as bad as the one from which findings count; an unknown one counts."""
    if severity not in SEVERITIES or fail_on not in SEVERITIES:
        return True
    return SEVERITIES.index(severity) <= SEVERITIES.index(fail_on)
