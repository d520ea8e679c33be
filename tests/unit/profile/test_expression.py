"""The grammar: what parses, what it means, what is refused and where the caret stands."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pynomaly_itest.errors import Place, ProfileError
from pynomaly_itest.measure import Estimate
from pynomaly_itest.profile.expression import (
    And,
    Compare,
    Expression,
    ListOf,
    Literal,
    Name,
    Node,
    Not,
    Or,
    UnitClash,
    check,
    check_value,
    evaluate,
    has_template,
    lookup_in,
    names,
    parse,
    resolve,
    shape_of,
    statistic_of,
    templates,
    write,
)
from pynomaly_itest.profile.source import Source
from pynomaly_itest.shapes import ANYTHING, Record, Scalar, Series

SCOPE = Record(
    {
        "detect": Record(
            {
                "latency_ms": Series("ms"),
                "error_ratio": Scalar("number", "1"),
                "rate": Scalar("number", "samples/s"),
                "ok": Scalar("boolean"),
                "name": Scalar("string"),
            }
        ),
        "reply": Record({"status": Scalar("number"), "json": ANYTHING}),
        "open": Record({"threshold": Scalar("number")}, open=True),
        "benchmarks": Record({"limit_ms": Scalar("number", "ms"), "memory_mb": Scalar("number", "mb")}),
        "maybe": Scalar("any"),
    }
)


def parsed(text: str) -> Expression:
    line = f"      - {text}"
    return parse(text, Source(Place("p.yaml", 31, 9, len(text)), line))


def refusal(text: str) -> str:
    with pytest.raises(ProfileError) as caught:
        parsed(text)
    return "\n".join(mistake.render() for mistake in caught.value.mistakes)


def found(text: str) -> str:
    return "\n".join(mistake.render() for mistake in check(parsed(text), SCOPE))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a.b_ms.p99.9 <= 50ms", Compare(Name(("a", "b_ms", "p99", "9")), "<=", Literal(50, "ms"))),
        ("a == 1e3", Compare(Name(("a",)), "==", Literal(1000.0))),
        ("a < 1.5e2ms", Compare(Name(("a",)), "<", Literal(150.0, "ms"))),
        ("a >= -0.5s", Compare(Name(("a",)), ">=", Literal(-0.5, "s"))),
        ("a > 10%", Compare(Name(("a",)), ">", Literal(10, "%"))),
        ("a > 1000/s", Compare(Name(("a",)), ">", Literal(1000, "/s"))),
        ("a <= 512MiB", Compare(Name(("a",)), "<=", Literal(512, "mb"))),
        ("a[0].b['x-y']", Name(("a", "0", "b", "x-y"))),
        (
            "a in [1, 'x', true, null]",
            Compare(Name(("a",)), "in", ListOf(tuple(map(Literal, (1, "x", True, None))))),
        ),
        ("a not in b", Compare(Name(("a",)), "not in", Name(("b",)))),
        ("not a and b or c", Or((And((Not(Name(("a",))), Name(("b",)))), Name(("c",))))),
        ("a and (b or c)", And((Name(("a",)), Or((Name(("b",)), Name(("c",))))))),
        ("a matches '^x\\\\d+$'", Compare(Name(("a",)), "matches", Literal("^x\\d+$"))),
        (r"a matches '\d'", Compare(Name(("a",)), "matches", Literal(r"\d"))),
        ('"it\'s" == a', Compare(Literal("it's"), "==", Name(("a",)))),
    ],
)
def test_what_an_expression_says(text: str, tree: Node) -> None:
    assert parse(text).ast == tree


@pytest.mark.parametrize(
    ("text", "message", "marked"),
    [
        ("", "an expression is missing here", ""),
        ("a b", "an operator is missing before 'b'", "b"),
        ("a = 3", "unknown operator '='", "="),
        ("a && b", "unknown operator '&&'", "&&"),
        ("a + 1 < 3", "'+' has no meaning here", "+"),
        ("f(3)", "'f' can't be called", "f"),
        ("1 < 2 < 3", "comparisons can't be chained", "<"),
        ("(a == 3", "this bracket is never closed", "("),
        ("a == 'x", "the text has no closing quote", "'x"),
        ("a == 5msx", "unknown unit 'msx'", "5msx"),
        ("a == 1e999", "the number is too large", "1e999"),
        ("a ==", "the expression ends too early", "="),
        ("and a", "a name or a value is missing before 'and'", "and"),
        ("a in [1 2]", "a list's items stand between commas, and ']' ends it", "2"),
        (
            "a matches '(a+)+'",
            "the pattern repeats a group that repeats or chooses: that can take for ever",
            "'(a+)+'",
        ),
        ("a matches '['", "the pattern is wrong: unterminated character set at position 0", "'['"),
        ("a matches 3", "'matches' takes a pattern in quotes", "3"),
        ("(" * 60, "brackets stand more than 40 deep", "("),
    ],
)
def test_a_mistake_is_shown_under_its_words(text: str, message: str, marked: str) -> None:
    shown = refusal(text)
    assert shown.startswith(f"error: {message}\n")
    lines = shown.splitlines()
    start = lines[-1].index("^")
    assert lines[-1].count("^") == max(1, len(marked))
    assert lines[-2][start : start + len(marked)] == marked


def test_a_text_that_is_too_long_is_refused() -> None:
    assert "longer than 2000 characters" in refusal("a == '" + "x" * 2000 + "'")


def test_without_a_file_the_mistake_says_the_text() -> None:
    with pytest.raises(ProfileError) as caught:
        parse("a ==")
    assert caught.value.mistakes[0].message == "the expression ends too early in 'a =='"


GOLDEN = """\
error: unknown metric 'latency_ms.p59'
  --> p.yaml:31:16
   |
31 |       - detect.latency_ms.p59 <= benchmarks.limit_ms
   |                ^^^^^^^^^^^^^^ did you mean 'latency_ms.p95'?"""


def test_an_unknown_metric_reads_as_the_house_wants_it() -> None:
    assert found("detect.latency_ms.p59 <= benchmarks.limit_ms") == GOLDEN


@pytest.mark.parametrize(
    "text",
    [
        "detect.latency_ms.p95 <= benchmarks.limit_ms",
        "detect.latency_ms.p99.9 <= 0.5s",
        "detect.latency_ms.n >= 100",
        "detect.latency_ms.slope <= 3",
        "detect.error_ratio <= 10%",
        "detect.rate >= 1000/s",
        "detect.rate >= 1000samples/s",
        "detect.ok and not (detect.name in ['a', 'b'])",
        "detect.name matches '^x'",
        "reply.status in [200, 201]",
        "reply.json.a.b[0] == 'x' or reply.json.c == 3",
        "open.anything == 3",
        "maybe == null and maybe.inside > 3",
        "'x' in reply.json.names",
        "'x' in detect.name",
        "benchmarks.memory_mb < 1gb",
    ],
)
def test_what_fits_the_scope_has_no_mistake(text: str) -> None:
    assert found(text) == ""


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("detect.latncy_ms.p95 < 3", "unknown name 'detect.latncy_ms'", "did you mean 'latency_ms'?"),
        ("dtect.ok", "unknown name 'dtect'", "did you mean 'detect'?"),
        ("detect.latency_ms < 3", "'detect.latency_ms' is a series of values", "ask it for a statistic"),
        ("detect.latency_ms.p101 < 3", "unknown metric 'latency_ms.p101'", "did you mean"),
        ("detect.error_ratio.p95 < 3", "'detect.error_ratio' is one number, no series", "leave '.p95' out"),
        ("detect.name.x == 3", "'detect.name' is a string: nothing is inside it", ""),
        ("detect.name == 3", "a string can't be compared with a number", ""),
        ("detect.ok < true", "true and false can't be compared by '<'", ""),
        ("detect.name < null", "null can't be compared by '<'", ""),
        ("detect.latency_ms.p95 < 3mb", "ms can't be compared with mb", ""),
        ("detect.rate > 3requests/s", "samples/s can't be compared with requests/s", ""),
        ("detect.rate > 3mb/s", "samples/s can't be compared with mb/s", ""),
        ("detect == 3", "'detect' is a record, not a value", "choose one of detect.error_ratio"),
        ("detect.error_ratio", "this is neither true nor false", "compare it with something"),
        ("detect.ok or true", "this always judges the same", "leave it out"),
        (
            "detect.error_ratio >= detect.error_ratio",
            "this compares a value with itself: it always judges the same",
            "",
        ),
        ("detect.name in []", "nothing is in an empty list", ""),
        ("detect.name in [3]", "a string can't be compared with a number", ""),
        ("detect.name in detect.error_ratio", "nothing can be in a number", ""),
        ("3 in detect.name", "a number can't be in a text", ""),
        ("detect.error_ratio matches 'x'", "'matches' compares texts", ""),
        ("detect.error_ratio < [3]", "a list can't be compared by '<' here", ""),
        ("open.threshhold < 3", "unknown name 'open.threshhold'", "did you mean 'threshold'?"),
    ],
)
def test_what_does_not_fit_is_told(text: str, message: str, hint: str) -> None:
    shown = found(text)
    assert f"error: {message}\n" in shown
    assert hint in shown


def test_every_mistake_is_told_and_not_only_the_first() -> None:
    assert found("detect.a == 1 and detect.b == 2").count("error: unknown name") == 2


def test_a_look_up_may_be_any_value_but_not_a_series() -> None:
    assert check_value(parse("detect.error_ratio"), SCOPE) == []
    assert len(check_value(parse("detect.latency_ms"), SCOPE)) == 1
    assert len(check_value(parse("nobody"), SCOPE)) == 1


def test_the_shape_of_a_statistic_has_the_unit_of_its_series() -> None:
    assert shape_of(Name(("detect", "latency_ms", "p95")), SCOPE) == Scalar("number", "ms")
    assert shape_of(Name(("detect", "latency_ms", "n")), SCOPE) == Scalar("number", None)
    assert shape_of(Name(("detect", "nobody")), SCOPE) is None


@pytest.mark.parametrize(
    ("parts", "quantile"),
    [
        (("p95",), 0.95),
        (("p99", "9"), 0.999),
        (("p5",), 0.05),
        (("p75",), 0.75),
    ],
)
def test_quantiles(parts: tuple[str, ...], quantile: float) -> None:
    statistic = statistic_of(parts)
    assert statistic is not None
    assert statistic.quantile == pytest.approx(quantile)


@pytest.mark.parametrize(
    "parts", [("p59",), ("p0",), ("p100",), ("p101",), ("p95", "x"), ("p",), ("p100", "5"), ("mean", "5"), ()]
)
def test_what_is_no_statistic(parts: tuple[str, ...]) -> None:
    assert statistic_of(parts) is None


VALUES: dict[str, Any] = {
    "detect": {"latency_ms": 400, "ok": True, "name": "abc", "list": [1, {"x": 5}]},
    "limit_s": 0.5,
    "nothing": None,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("detect.latency_ms", 400),
        ("detect.list[1].x", 5),
        ("detect.latency_ms <= 0.5s", True),
        ("detect.latency_ms > 0.5s", False),
        ("detect.latency_ms < limit_s", True),
        ("detect.latency_ms == 0.4s", True),
        ("detect.latency_ms != 0.4s", False),
        ("detect.ok == true", True),
        ("detect.ok == 1", False),
        ("nothing == null", True),
        ("detect.name in ['abc', 'd'] and not (1 in detect.list and false)", True),
        ("2 not in detect.list", True),
        ("detect.name matches 'b'", True),
        ("detect.latency_ms matches 'b'", False),
        ("detect.name < 'abd'", True),
        ("false or detect.ok", True),
    ],
)
def test_values(text: str, value: object) -> None:
    result = evaluate(parse(text), lookup_in(VALUES))
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("detect.nobody", KeyError),
        ("detect.list[7]", KeyError),
        ("detect.name.upper", KeyError),
        ("detect.name < 3", TypeError),
        ("nothing < 3", TypeError),
        ("not detect.name", TypeError),
        ("1 in detect.name", TypeError),
        ("detect.name in 3", TypeError),
        ("detect.latency_ms < 5mb", UnitClash),
    ],
)
def test_what_has_no_value_raises(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        evaluate(parse(text), lookup_in(VALUES))


def test_a_lone_look_up_keeps_its_type_and_others_become_text() -> None:
    config = {
        "n": "${{ detect.latency_ms }}",
        "texts": ["a${{ detect.ok }}-${{nothing}}", 3],
        "q": "${{ '}}' }}",
    }
    resolved = resolve(config, lookup_in(VALUES))
    assert resolved == {"n": 400, "texts": ["atrue-null", 3], "q": "}}"}


def test_of_what_was_measured_a_look_up_gives_the_number() -> None:
    measured = lookup_in({"calm": {"rate": Estimate(31.5, "1/s", 63, 30.0, 33.0, 0.95)}})
    assert resolve(["${{ calm.rate }}", "3 x ${{ calm.rate }}"], measured) == [31.5, "3 x 31.5"]


def test_templates_are_found_anywhere() -> None:
    assert has_template({"a": [{"b": "x ${{ y }}"}]})
    assert not has_template({"a": [1, None, "{{ y }}"]})
    assert [template.expression.text for template in templates("${{ a }} and ${{b.c}}")] == ["a", "b.c"]


def test_an_unclosed_look_up_is_a_mistake() -> None:
    with pytest.raises(ProfileError):
        templates("x ${{ a }")


def test_names_in_reading_order() -> None:
    assert [name.dotted for name in names(parse("a.b < c and d in [e, 1]"))] == ["a.b", "c", "d", "e"]


@given(st.text(alphabet="ab.0193 <>=!()[],'\"and ornotimsp%/-_\\\n${}", max_size=60))
@example("a\x00b")
def test_no_text_crashes_the_parser(text: str) -> None:
    try:
        tree = parse(text).ast
    except ProfileError:
        return
    assert parse(write(tree)).ast == tree


_NAMES = st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True), min_size=1, max_size=3).filter(
    lambda parts: parts[0] not in ("and", "or", "not", "in", "true", "false", "null", "matches")
)
_LITERALS = st.one_of(
    st.integers(-(10**9), 10**9).map(Literal),
    st.floats(-1e9, 1e9, allow_nan=False).map(Literal),
    st.sampled_from([Literal(True), Literal(False), Literal(None), Literal(5, "ms"), Literal(10, "%")]),
    st.text(max_size=10).map(Literal),
)
_OPERANDS = st.one_of(_LITERALS, _NAMES.map(lambda parts: Name(tuple(parts))))
_COMPARISONS = st.builds(
    Compare, _OPERANDS, st.sampled_from(["==", "!=", "<", "<=", "in", "not in"]), _OPERANDS
)


def _combined(nodes: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(nodes, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, nodes), st.builds(And, several), st.builds(Or, several))


@given(st.recursive(_COMPARISONS, _combined, max_leaves=6))
def test_what_is_written_parses_to_the_same_tree(tree: Any) -> None:
    assert parse(write(tree)).ast == tree
