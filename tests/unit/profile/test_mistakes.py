"""Every mistake of a profile is told at once, at its place, with a mend."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import Any, get_args

import pytest

from pynomaly_itest.adapters.base import Capability
from pynomaly_itest.profile.file import Requirement
from pynomaly_itest.target.requirements import CHECKS

PLAIN = """
scenarios:
  - id: one
    steps:
      - health:
        save: health
    gates: [health.ok == true]
"""


def with_steps(steps: str, rest: str = "", top: str = "") -> str:
    return (
        dedent(top).lstrip("\n")
        + "scenarios:\n  - id: one\n    steps:\n"
        + indent(dedent(steps).strip("\n"), "      ")
        + "\n"
        + indent(dedent(rest).strip("\n"), "    ")
    )


def test_a_good_profile_has_none(workshop: Any) -> None:
    assert workshop.mistakes(PLAIN) == ""


MANY = """\
nam: x
benchmarks:
  training_time_seconds: "fast"
scenarios:
  - id: a
    tags: performance
    steps:
      - uplod: {dataset: normal}
        save: dataset
      - fetch: {path: "/x/${{ datset.id }}", foo: 3}
        save: reply
        expct: [status == 200]
    gates:
      - reply.statu == 200
"""
MANY_TOLD = """\
error: 'name' is missing
  --> tried.yaml:1:1
  |
1 | version: 1
  | ^
error: unknown key 'nam'
  --> tried.yaml:2:1
  |
2 | nam: x
  | ^^^ did you mean 'name'?
error: 'training_time_seconds' must be a number, not the text 'fast'
  --> tried.yaml:4:27
  |
4 |   training_time_seconds: "fast"
  |                           ^^^^
error: 'tags' must be a list, not the text 'performance'
  --> tried.yaml:7:11
  |
7 |     tags: performance
  |           ^^^^^^^^^^^
error: unknown step 'uplod'
  --> tried.yaml:9:9
  |
9 |       - uplod: {dataset: normal}
  |         ^^^^^ did you mean 'upload'?
error: unknown name 'datset'
  --> tried.yaml:11:31
   |
11 |       - fetch: {path: "/x/${{ datset.id }}", foo: 3}
   |                               ^^^^^^ did you mean 'dataset'?
error: unknown key 'foo' in step 'fetch'
  --> tried.yaml:11:46
   |
11 |       - fetch: {path: "/x/${{ datset.id }}", foo: 3}
   |                                              ^^^ known are: path, status
error: unknown key 'expct' in a step
  --> tried.yaml:13:9
   |
13 |         expct: [status == 200]
   |         ^^^^^ did you mean 'expect'?; its config is indented"""


def test_all_are_told_at_once_in_reading_order(workshop: Any) -> None:
    assert workshop.mistakes(MANY, head="version: 1\n") == MANY_TOLD


@pytest.mark.parametrize(
    ("steps", "message", "hint"),
    [
        ("- health", "a step is a mapping of its kind to its config", "write '- kind: {…}'"),
        ("- {}", "a step must say its kind", "'list steps' shows them all"),
        ("- {health: {}, fetch: /x}", "a step has one kind: here are health and fetch", ""),
        ("- measure: {step: {}}", "a step is missing in 'measure'", "write {kind"),
        ("- upload: {}", "'dataset' is missing in step 'upload'", ""),
        ("- upload: {dataset: nobody}", "unknown dataset 'nobody'", "there are none to choose from here"),
        ("- upload: [x]", "the config of step 'upload' must be a mapping of keys to values", ""),
        (
            "- fetch: {path: /x, status: [200, x]}",
            "must be a whole number, not the text 'x' in step 'fetch'",
            "",
        ),
        ("- fetch: {path: x}", "'path' should match pattern '^/' in step 'fetch'", ""),
        ("- fetch: /x\n  timeout: soon", "'soon' is not a number with a unit such as 10s", "20s, 5min"),
        ("- fetch: /x\n  timeout: 5mb", "mb can't be compared with s", ""),
        ("- fetch: /x\n  timeout: 0", "a time limit must be more than 0", ""),
        ("- fetch: /x\n  save: a-b", "'save' should match pattern", ""),
        ("- fetch: /x\n  save: target", "'target' is the name of something else already", "choose another"),
        (
            "- fetch: /x\n  save: a\n- fetch: /y\n  save: a",
            "'a' is saved on line 7 already",
            "choose another",
        ),
        ("- fetch: /x\n  expect: [statu == 200]", "unknown name 'statu'", "did you mean 'status'?"),
        ("- fetch: /x\n  expect: status = 200", "unknown operator '='", "did you mean '=='?"),
        (
            "- fetch: /x\n  expect: [1 == 2]",
            "nothing in this condition comes from the target",
            "name a result",
        ),
        ("- fetch: /x\n  expect: [3]", "must be a text, not the number 3", ""),
        ("- fetch: /${{ later.id }}\n- health:\n  save: later", "unknown name 'later'", "known are"),
        ("- fetch: /${{ vars.x", "this look-up is never closed", "it ends with '}}'"),
        ("- measure: {step: {ftch: /x}}", "unknown step 'ftch' in 'measure'", "did you mean 'fetch'?"),
        (
            "- measure: {step: {fetch: {pth: /x}}}",
            "unknown key 'pth' in step 'fetch'",
            "did you mean 'path'?",
        ),
        ("- measure: {step: {fetch: /x, health: {}}}", "'measure' takes one kind and its config here", ""),
        ("- measure: {step: '${{ vars.x }}'}", "the step in 'measure' must be written out", ""),
        ("- load: {request: {pth: /x}}", "unknown key 'pth' in step 'fetch'", "did you mean 'path'?"),
        ("- load: {request: {uplod: {}}}", "unknown step 'uplod' in 'load'", "did you mean 'upload'?"),
        ("- load: {mix: [{request: {path: /x}}, {request: {path: x}}]}", "should match pattern '^/'", ""),
        ("- load: {rate: 6/s}", "no such rate in step 'load'", ""),
        ("- include: nobody", "unknown step list 'nobody'", "there are none to choose from here"),
        ("- include: ../steps.yaml", "'../steps.yaml' leads out of the profile's folder", ""),
        ("- include: nobody.yaml", "there is no file", "is the path right?"),
        ("- include: x\n  save: y", "unknown key 'save' beside 'include'", ""),
        ("- include:", "'include' takes the name of a step list, or a file", ""),
    ],
)
def test_steps(workshop: Any, steps: str, message: str, hint: str) -> None:
    told = workshop.mistakes(with_steps(steps))
    assert message in told
    assert hint in told


@pytest.mark.parametrize(
    ("rest", "message", "hint"),
    [
        (
            "gates: [reply.status == 200, reply.statu == 200]",
            "unknown name 'reply.statu'",
            "did you mean 'status'?",
        ),
        ("gates: [target.rss_mb.p59 < 3]", "unknown metric 'rss_mb.p59'", "did you mean 'rss_mb.p95'?"),
        ("gates: [target.rss_mb.max < 3ms]", "mb can't be compared with ms", ""),
        ("gates: [target.rss_mb < 3]", "'target.rss_mb' is a series of values", "target.rss_mb.p95"),
        ("gates: [benchmarks.memory_usage_mb == 512]", "nothing in this condition comes from the target", ""),
        (
            "gates: [reply.status == benchmarks.x]",
            "unknown name 'benchmarks.x'",
            "known are: accuracy_threshold",
        ),
        ("gates: [{expression: reply.status == 1, confidence: 3}]", "'confidence' should be less than 1", ""),
        (
            "gates: [{expression: reply.status == 1, confidnce: 1}]",
            "unknown key 'confidnce'",
            "'confidence'?",
        ),
        ("gates: [after.status == 1]\nfinally:\n  - fetch: /x\n    save: after", "unknown name 'after'", ""),
        ("matrix: {a: []}", "the matrix' 'a' is empty: nothing would run", ""),
        ("matrix: {a: [1, 1]}", "two cells of the matrix are called '[a=1]'", ""),
        ("matrix: {a: '${{ vars.nobody }}'}", "unknown name 'vars.nobody'", ""),
        (
            "benchmarks: {detection_latencyms: 5}",
            "unknown benchmark 'detection_latencyms'",
            "'detection_latency_ms'",
        ),
        ("tags: [a b]", "should match pattern", ""),
        ("timeout: never", "'never' is not a number with a unit such as 10s", ""),
        ("step: []", "unknown key 'step'", "did you mean 'steps'?"),
        ("finally:\n  - ftch: /x", "unknown step 'ftch'", "did you mean 'fetch'?"),
        ("vars: {x: '${{ run.id }}'}", "a variable is a value: it looks nothing up", ""),
    ],
)
def test_scenarios(workshop: Any, rest: str, message: str, hint: str) -> None:
    told = workshop.mistakes(with_steps("- fetch: /x\n  save: reply", rest))
    assert message in told
    assert hint in told
    assert told.count("error:") == 1


@pytest.mark.parametrize(
    ("top", "message", "hint"),
    [
        (
            "benchmarks: {detection_latncy_ms: 5}",
            "unknown benchmark 'detection_latncy_ms'",
            "'detection_latency_ms'?",
        ),
        ("benchmarks: {detection_latency_ms: .inf}", "must be a number, not the text '.inf'", ""),
        ("confidence: 95", "'confidence' should be less than 1", ""),
        ("min_samples: 0", "'min_samples' should be greater than or equal to 1", ""),
        ("datasets: {x: {rows: 5}}", "dataset 'x' must say its 'kind'", "one of clustered, file, gaussian"),
        ("datasets: {x: {kind: gausian}}", "unknown dataset kind 'gausian'", "did you mean 'gaussian'?"),
        (
            "datasets: {x: {kind: gaussian, row: 5}}",
            "unknown key 'row' in dataset 'x'",
            "did you mean 'rows'?",
        ),
        ("datasets: {x: {kind: gaussian, rows: -5}}", "'rows' should be greater than or equal to 1", ""),
        (
            "datasets: {x: {kind: gaussian, rows: '${{ vars.y }}'}}",
            "a dataset looks nothing up",
            "--set datasets.x",
        ),
        (
            "datasets: {x: {kind: file, path: ../../etc/passwd}}",
            "leads out of the profile's folder",
            "--dataset x=FILE",
        ),
        (
            "datasets: {x: {kind: file, path: /etc/passwd}}",
            "leads out of the profile's folder",
            "--dataset x=FILE",
        ),
        ("target: {setings: {a: 1}}", "unknown key 'setings'", "did you mean 'settings'?"),
        ("extends: nobody", "there is no profile 'nobody' to extend", "known are: tried"),
        ("extends: [nobody.yaml]", "there is no file 'nobody.yaml' beside the profile", ""),
        ("extends: ../secret.yaml", "'../secret.yaml' leads out of the profile's folder", "extend by name"),
        ("extends: tried", "the profile extends itself: tried -> tried", ""),
        ("extends: [3]", "must be a text, not the number 3", ""),
        ("datasets: [x]", "'datasets' must be a mapping of keys to values, not a list", ""),
    ],
)
def test_profiles(workshop: Any, top: str, message: str, hint: str) -> None:
    told = workshop.mistakes(top + PLAIN)
    assert message in told
    assert hint in told
    assert told.count("error:") == 1


def test_the_version_must_be_known(workshop: Any) -> None:
    assert "'version' should be 1" in workshop.mistakes(PLAIN, head="version: 2\nname: tried\n")


def test_duplicate_ids_are_told_and_both_are_checked(workshop: Any) -> None:
    told = workshop.mistakes(
        """
        scenarios:
          - id: one
            steps: [{helth: {}}]
          - id: one
            steps: [{fech: /x}]
        """
    )
    assert "duplicate scenario id 'one'" in told
    assert "the first is on line 4" in told
    assert "unknown step 'helth'" in told
    assert "unknown step 'fech'" in told


def test_a_profile_without_scenarios_tests_nothing(workshop: Any) -> None:
    assert "the profile has no scenarios" in workshop.mistakes("description: x")


def test_a_list_without_steps_would_do_nothing(workshop: Any) -> None:
    text = with_steps("- health:\n- include: nothing", top="step_lists: {nothing: []}\n")
    assert "'nothing' holds no step: nothing would run" in workshop.mistakes(text)


def test_what_nobody_can_look_for_is_not_required(workshop: Any) -> None:
    told = workshop.mistakes(with_steps("- health:", "requires: [redis, reddis]"))
    assert "'requires' should be 'redis', 'database', 'bundled'" in told
    assert told.count("error:") == 1
    assert set(get_args(Requirement)) == {*CHECKS, *(set(Capability) & set(get_args(Requirement)))}
    assert not set(CHECKS) & set(Capability)


def test_a_profile_that_is_no_mapping(workshop: Any) -> None:
    assert "a profile is a mapping" in workshop.mistakes("- x", head="")


def test_circles_of_extension_are_told(workshop: Any) -> None:
    workshop.write("extends: tried", "other.yaml", head="version: 1\nname: other\n")
    assert "the profile extends itself: tried -> other -> tried" in workshop.mistakes(
        "extends: other" + PLAIN
    )


def test_circles_of_step_lists_are_told(workshop: Any) -> None:
    lists = "step_lists:\n  a: [{include: b}]\n  b: [{include: a}]\n"
    assert "the step lists include each other: a -> b -> a" in workshop.mistakes(
        with_steps("- include: a", top=lists)
    )


def test_a_mistake_in_a_list_included_twice_is_told_once(workshop: Any) -> None:
    told = workshop.mistakes("step_lists: {a: [{helth: {}}]}\n" + with_steps("- include: a\n- include: a"))
    assert told.count("error:") == 1


def test_what_is_wrong_in_an_extended_file_comes_after_ones_own(workshop: Any) -> None:
    workshop.write("nme: x", "base.yaml", head="version: 1\nname: base\n")
    told = workshop.mistakes("extends: base\nnme: y" + PLAIN)
    assert told.index("--> tried.yaml:4") < told.index("--> base.yaml:3")


def test_a_rule_over_values_that_are_not_known_yet_is_not_held_against_them(workshop: Any) -> None:
    steps = """
        - fetch: /x
          save: page
        - load: {request: {fetch: {path: /x}}, rate: '${{ page.json.rate }}'}
    """
    assert workshop.mistakes(with_steps(steps)) == ""


@pytest.mark.parametrize(
    ("load", "said", "at"),
    [
        ("{request: {fetch: {path: /x}}, rate: '${{ vars.rate }}'}", "no such rate", "load"),
        ("{request: {fetch: {path: '${{ page.json.next }}'}}, rate: fast}", "no such rate", "load"),
        ("{request: {fetch: {path: '${{ vars.rate }}'}}, rate: 5/s}", "'path' should match", "${{"),
        ("{request: {upload: {dataset: '${{ vars.rate }}'}}}", "unknown dataset 'fast'", "${{"),
        ("{request: {upload: {dataset: d, rows: '${{ vars.none }}'}}}", "'rows' should be", "${{"),
        ("{request: {upload: {dataset: d, rows: '${{ vars.page }}'}}}", "the text '/x'", "${{"),
    ],
)
def test_what_is_looked_up_of_vars_is_checked_as_it_will_be(
    workshop: Any, load: str, said: str, at: str
) -> None:
    line = f"- load: {load}"
    top = "vars: {rate: fast, page: /x, none: 0}\ndatasets: {d: {kind: gaussian, rows: 30, features: 2}}\n"
    told = workshop.mistakes(with_steps(f"- fetch: /x\n  save: page\n{line}", top=top))
    assert told.count("error:") == 1, told
    assert said in told
    assert f"tried.yaml:10:{7 + line.index(at)}" in told


@pytest.mark.usefixtures("real_steps")
@pytest.mark.parametrize(
    ("level", "rest"),
    [
        ("2s", "budget: '${{ page.json.budget }}'"),  # plain, beside a look-up
        ("'${{ vars.level }}'", "budget: 60s"),
        ("'${{ vars.level }}'", "budget: '${{ page.json.budget }}'"),
        ("'${{ matrix.level }}'", "budget: 60s"),
    ],
)
def test_a_level_that_is_too_short_is_told_before_the_run(workshop: Any, level: str, rest: str) -> None:
    line = (
        f"- capacity: {{request: {{path: '${{{{ page.json.next }}}}'}}, objectives: {{error_ratio: 2%}}, "
        f"from: 10/s, to: 20/s, {rest}, level: {level}}}"
    )
    steps = f"- request: {{path: /x}}\n  save: page\n{line}"
    matrix = "matrix: {level: [4s, 3s]}"
    told = workshop.mistakes(with_steps(steps, matrix, "vars: {level: 2s}\n"))
    assert told.count("error:") == 1, told
    assert "'level': must be at least 4s" in told
    assert f"tried.yaml:9:{7 + line.rindex(level.strip(chr(39)))}" in told


@pytest.mark.parametrize(
    ("rows", "wrong"), [("[1, 2]", ""), ("[1, 0]", "'rows' should be"), ("[0, -1]", "rows")]
)
def test_what_is_looked_up_of_the_matrix_is_checked_in_each_cell(
    workshop: Any, rows: str, wrong: str
) -> None:
    steps = "- upload: {dataset: d, rows: '${{ matrix.rows }}'}"
    top = "datasets: {d: {kind: gaussian, rows: 30, features: 2}}\n"
    told = workshop.mistakes(with_steps(steps, f"matrix: {{rows: {rows}}}", top))
    assert wrong in told
    assert told.count("error:") == bool(wrong), told


def test_a_matrix_that_cannot_be_read_is_one_mistake(workshop: Any) -> None:
    steps = "- upload: {dataset: d, rows: '${{ matrix.rows }}'}"
    told = workshop.mistakes(
        with_steps(steps, "matrix: {rows: []}", "datasets: {d: {kind: gaussian, rows: 30, features: 2}}\n")
    )
    assert told.count("error:") == 1
    assert "is empty" in told


def test_a_templated_value_is_not_held_against_its_type(workshop: Any) -> None:
    steps = "- measure: {step: {fetch: '${{ vars.path }}'}, repeat: '${{ vars.calls }}'}"
    assert workshop.mistakes(with_steps(steps, top="vars: {calls: 5, path: /x}\n")) == ""


@pytest.mark.parametrize(
    "text", ["[" * 400, "a: &a [*a]", "\t", "? ", "%YAML 9", "version: {}", "scenarios: {}"]
)
def test_no_rubbish_gets_through_or_crashes(workshop: Any, text: str) -> None:
    assert workshop.mistakes(text, head="").startswith("error:")


def test_a_dataset_with_a_mistake_of_its_own_is_not_unknown_as_well(workshop: Any) -> None:
    text = with_steps("- upload: {dataset: x}", top="datasets: {x: {kind: gausian}}\n")
    assert "unknown dataset kind" in workshop.mistakes(text)
    assert "unknown dataset 'x'" not in workshop.mistakes(text)
