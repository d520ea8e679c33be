"""From profiles and overrides to a plan: what is heeded, and where it came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pynomaly_itest.errors import NothingSelected, UsageError
from pynomaly_itest.profile.loader import load, validate
from pynomaly_itest.profile.overrides import Overrides
from pynomaly_itest.profile.settings import DEFAULT_BENCHMARKS

FULL = """
description: All there is
benchmarks: {detection_latency_ms: 80, own_limit_ms: 7}
vars: {rows: 5, algorithms: [lof, knn]}
datasets:
  normal: {kind: gaussian, rows: 10}
  mine: {kind: file, path: mine.csv, label: label}
target: {settings: {log_level: info, workers: 2}}
step_lists:
  begin:
    - upload: {dataset: normal}
      save: dataset
scenarios:
  - id: measured
    title: Measured
    tags: [performance]
    requires: [redis]
    matrix: {algorithm: "${{ vars.algorithms }}"}
    benchmarks: {detection_latency_ms: 50}
    vars: {rows: 6}
    timeout: 2min
    setup:
      - include: begin
    steps:
      - measure: {step: {fetch: "/${{ matrix.algorithm }}/${{ dataset.id }}"}, repeat: "${{ vars.rows }}"}
        title: Many
        save: many
        timeout: 5s
        expect: [error_ratio == 0, latency_ms.p95 < own_or_not.x]
    gates:
      - many.latency_ms.p95 <= benchmarks.detection_latency_ms
      - {expression: many.latency_ms.p50 <= benchmarks.own_limit_ms, confidence: 0.99, min_samples: 40}
    catch: [{fetch: /logs}]
    finally:
      - fetch: "/${{ many.error_ratio }}"
  - id: plain
    steps: [{health: null}]
""".replace(", latency_ms.p95 < own_or_not.x", "")


def origin(plan: Any, name: str) -> tuple[object, str]:
    found = next(one for one in plan.origins if one.name == name)
    return (found.value, found.origin)


def test_a_plan_holds_all_that_the_profile_says(workshop: Any) -> None:
    plan = workshop.load(FULL)
    assert (plan.profile, plan.description) == ("tried", "All there is")
    assert [one.id for one in plan.scenarios] == [
        "measured[algorithm=lof]",
        "measured[algorithm=knn]",
        "plain",
    ]
    measured = plan.scenarios[0]
    assert measured.matrix == {"algorithm": "lof"}
    assert (measured.tags, measured.requires, measured.timeout_s) == (("performance",), ("redis",), 120)
    assert measured.benchmarks == {**DEFAULT_BENCHMARKS, "detection_latency_ms": 50, "own_limit_ms": 7}
    assert measured.vars == {"rows": 6, "algorithms": ["lof", "knn"]}
    assert [call.kind for call in measured.setup + measured.catch + measured.finally_] == [
        "upload",
        "fetch",
        "fetch",
    ]
    call = measured.steps[0]
    assert (call.kind, call.title, call.save, call.timeout_s) == ("measure", "Many", "many", 5)
    assert call.config["repeat"] == "${{ vars.rows }}"
    assert [gate.expression.text for gate in call.expect] == ["error_ratio == 0"]
    assert [(gate.confidence, gate.min_samples) for gate in measured.gates] == [(0.95, None), (0.99, 40)]
    assert measured.gates[0].source.place.line == 32
    assert plan.target_settings == {"log_level": "info", "workers": 2}
    assert plan.benchmarks["detection_latency_ms"] == 80


def test_shorthand_and_empty_configs(workshop: Any) -> None:
    plan = workshop.load(FULL)
    assert plan.scenarios[0].catch[0].config == {"path": "/logs"}
    assert plan.scenarios[2].steps[0].config == {}


def test_steps_inside_steps_may_be_short_too(workshop: Any) -> None:
    plan = workshop.load(
        "scenarios: [{id: one, steps: [{measure: {step: {fetch: /x}}}, {measure: {step: {health: }}}]}]"
    )
    configs = [call.config for call in plan.scenarios[0].steps]
    assert configs == [{"step": {"fetch": {"path": "/x"}}}, {"step": {"health": {}}}]


def test_a_title_may_look_up_what_is_known_before_the_run(workshop: Any) -> None:
    text = """
        scenarios:
          - id: one
            title: "Fetches ${{ matrix.what }}"
            matrix: {what: [a, 2]}
            steps: [{health: {}}]
    """
    assert [one.title for one in workshop.load(text).scenarios] == ["Fetches a", "Fetches 2"]
    assert "unknown name 'target'" in workshop.refusal(text.replace("matrix.what", "target.url"))
    assert "looks nothing up" in workshop.refusal(
        "scenarios: [{id: one, steps: [{health: {}, title: '${{ run.id }}'}]}]"
    )


def test_links_in_a_circle_and_impossible_names_are_refused(workshop: Any) -> None:
    (workshop.folder / "loop.yaml").symlink_to(workshop.folder / "loop.yaml")
    for name in ("loop", "x" * 5000, "x" * 5000 + ".yaml", "\0.yaml"):
        with pytest.raises(UsageError):
            load([name], folders=workshop.folders)
        with pytest.raises(UsageError):
            load([f"{workshop.folder}/{name}.yaml"], folders=workshop.folders)


def test_what_measures_runs_alone_and_what_needs_the_platform_says_so(workshop: Any) -> None:
    plan = workshop.load(FULL)
    assert [one.exclusive for one in plan.scenarios] == [True, True, False]
    assert [one.needs_platform for one in plan.scenarios] == [True, True, False]
    assert plan.needs_platform
    assert not workshop.load(FULL, scenarios=["plain"]).needs_platform
    mixed = "scenarios: [{id: one, steps: [{load: {mix: [{request: {path: /x}}, {request: {upload: {dataset: x}}}]}}]}]"
    assert workshop.load("datasets: {x: {kind: gaussian}}\n" + mixed).needs_platform
    assert not workshop.load("scenarios: [{id: one, steps: [{load: {request: {path: /x}}}]}]").needs_platform


def test_a_step_that_measures_makes_its_scenario_exclusive_without_a_tag(workshop: Any) -> None:
    plan = workshop.load("scenarios: [{id: one, steps: [{measure: {step: {health: {}}}}]}]")
    assert plan.scenarios[0].exclusive


def test_strengths(workshop: Any) -> None:
    environment = {"PYNOMALY_TEST_MAX_LATENCY_MS": "40", "PYNOMALY_TEST_MIN_THROUGHPUT": "2000"}
    plan = workshop.load(FULL)
    assert origin(plan, "benchmarks.memory_usage_mb") == (512, "default")
    value, where = origin(plan, "benchmarks.detection_latency_ms")
    assert value == 80
    assert where.endswith("tried.yaml:4")
    value, where = origin(plan, "measured: benchmarks.detection_latency_ms")
    assert value == 50
    assert where.startswith("scenario ")

    plan = workshop.load(FULL, environment=environment)
    assert plan.scenarios[0].benchmarks["detection_latency_ms"] == 40
    assert plan.scenarios[0].benchmarks["throughput_samples_per_second"] == 2000
    assert origin(plan, "measured: benchmarks.detection_latency_ms") == (
        40,
        "environment PYNOMALY_TEST_MAX_LATENCY_MS",
    )

    plan = workshop.load(FULL, environment=environment, set=["benchmarks.detection_latency_ms=30"])
    assert plan.scenarios[0].benchmarks["detection_latency_ms"] == 30
    assert origin(plan, "benchmarks.detection_latency_ms") == (30, "command line --set")


def test_set_reaches_variables_settings_datasets_and_demands(workshop: Any) -> None:
    plan = workshop.load(
        FULL,
        set=[
            "vars.algorithms=[ecod]",
            "target.settings.workers=3",
            "datasets.normal.rows=77",
            "confidence=0.9",
            "min_samples=12",
        ],
    )
    assert [one.id for one in plan.scenarios] == ["measured[algorithm=ecod]", "plain"]
    assert plan.target_settings["workers"] == 3
    assert plan.datasets["normal"].config == {"rows": 77}
    assert (plan.confidence, plan.min_samples) == (0.9, 12)
    assert plan.scenarios[0].gates[0].confidence == 0.9
    assert plan.scenarios[0].gates[1].confidence == 0.99


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("benchmarks.detection_latencyms=5", "unknown benchmark 'detection_latencyms'"),
        ("benchmarks.detection_latency_ms=fast", "should be a valid number"),
        ("benchmarks.detection_latency_ms=.nan", "should be a valid number"),
        ("vars.nobody=5", "unknown variable 'nobody'"),
        ("scenarios.one=5", "can't be set"),
        ("confidence=7", "less than 1"),
        ("rubbish", "is not NAME=VALUE"),
        ("vars.rows=[1", "the value is no YAML"),
        ("datasets.nobody.rows=5", "the profile has no dataset 'nobody'"),
        ("datasets.normal.rows=-5", "greater than or equal to 1"),
        ("datasets.normal.row=5", "unknown key 'row'"),
    ],
)
def test_what_cannot_be_set_is_told(workshop: Any, text: str, message: str) -> None:
    assert message in workshop.refusal(FULL, set=[text])


def test_wrong_flags_are_told_together_with_the_profiles_mistakes(workshop: Any) -> None:
    told = workshop.refusal(
        "nme: x" + FULL,
        set=["vars.nobody=1"],
        datasets=["normal"],
        environment={"PYNOMALY_TEST_MAX_LATENCY_MS": "soon"},
    )
    assert told.count("error:") == 4
    assert "PYNOMALY_TEST_MAX_LATENCY_MS='soon' is not a number" in told


def test_database_and_redis_come_from_the_environment_and_are_not_shown(workshop: Any) -> None:
    url = "postgresql://me:hidden@db/x?token=hidden"
    plan = workshop.load(FULL, environment={"PYNOMALY_TEST_DATABASE_URL": url})
    assert plan.target_settings["database_url"] == url
    assert origin(plan, "target.settings.database_url") == (
        "postgresql://me:***@db/x?***",
        "environment PYNOMALY_TEST_DATABASE_URL",
    )
    assert "hidden" not in repr(plan)
    plan = workshop.load(FULL, environment={"PYNOMALY_TEST_REDIS_URL": "redis://me@db:6379"})
    assert origin(plan, "target.settings.redis_url")[0] == "redis://me@db:6379"
    plan = workshop.load(FULL, set=["target.settings.secret_key=abc", "target.settings.x='http://[broken'"])
    assert origin(plan, "target.settings.secret_key")[0] == "***"
    assert origin(plan, "target.settings.x")[0] == "***"


def test_extension(workshop: Any) -> None:
    workshop.write(
        """
        confidence: 0.9
        benchmarks: {detection_latency_ms: 10, memory_usage_mb: 100}
        vars: {a: 1}
        datasets: {normal: {kind: gaussian, rows: 3}}
        scenarios:
          - id: kept
            steps: [{health: {}}]
          - id: replaced
            steps: [{health: {}}]
        """,
        "base.yaml",
        head="version: 1\nname: base\n",
    )
    plan = workshop.load(
        """
        extends: [base]
        benchmarks: {detection_latency_ms: 20}
        scenarios:
          - id: replaced
            title: anew
            steps: [{upload: {dataset: normal}}]
            vars: {a: 2}
        """
    )
    assert plan.profile == "tried"
    assert [(one.id, one.title) for one in plan.scenarios] == [("kept", ""), ("replaced", "anew")]
    assert plan.confidence == 0.9
    assert plan.benchmarks["detection_latency_ms"] == 20
    assert plan.benchmarks["memory_usage_mb"] == 100
    assert origin(plan, "benchmarks.memory_usage_mb")[1].startswith("extended profile ")
    assert [one.vars["a"] for one in plan.scenarios] == [1, 2]
    assert len(plan.files) == 2


def test_steps_can_be_included_from_a_file(workshop: Any) -> None:
    workshop.write("- health:\n  save: first\n- include: more.yaml\n", "parts/begin.yaml", head="")
    workshop.write("- fetch: /${{ first.x }}\n", "parts/more.yaml", head="")
    plan = workshop.load("scenarios: [{id: one, steps: [{include: parts/begin.yaml}]}]")
    assert [call.kind for call in plan.scenarios[0].steps] == ["health", "fetch"]


def test_a_file_is_looked_for_beside_the_profile_then_in_the_data_folders(
    workshop: Any, tmp_path: Path
) -> None:
    text = """
        datasets: {mine: {kind: file, path: mine.csv}}
        scenarios: [{id: one, steps: [{upload: {dataset: mine}}]}, {id: two, steps: [{health: {}}]}]
    """
    assert "there is no file 'mine.csv' for dataset 'mine'" in workshop.refusal(text)
    assert len(workshop.load(text, scenarios=["two"]).scenarios) == 1
    places = [tmp_path / "given", tmp_path / "env", tmp_path]
    overrides = {"data_dir": places[0], "environment": {"PYNOMALY_TEST_DATA_DIR": str(places[1])}}
    for folder in places:
        folder.mkdir(exist_ok=True)
        (folder / "mine.csv").write_text("a\n1\n")
        plan = workshop.load(text, **overrides)
        assert plan.datasets["mine"].config["path"] == str((folder / "mine.csv").resolve())


def test_a_link_out_of_the_folder_is_no_way_out(workshop: Any, tmp_path: Path) -> None:
    (workshop.folder / "link").symlink_to("/etc")
    told = workshop.refusal("datasets: {x: {kind: file, path: link/passwd}}" + FULL.partition("datasets:")[0])
    assert "leads out of the profile's folder" in told


def test_dataset_names_a_file_on_the_command_line(workshop: Any, tmp_path: Path) -> None:
    file = tmp_path / "outside" / "x.csv"
    file.parent.mkdir()
    file.write_text("a,b\n1,0\n")
    spec = workshop.load(FULL, datasets=[f"normal={file}:b"]).datasets["normal"]
    assert (spec.kind, spec.config) == ("file", {"path": str(file), "label": "b"})
    assert workshop.load(FULL, datasets=[f"normal={file}"]).datasets["normal"].config == {"path": str(file)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("normal=nobody.csv:label", "--dataset normal: there is no file nobody.csv"),
        ("normal", "is not NAME=FILE[:LABEL]"),
        (f"nrmal={__file__}", "the profile has no dataset 'nrmal'"),
    ],
)
def test_a_wrong_dataset_is_told(workshop: Any, text: str, message: str) -> None:
    assert message in workshop.refusal(FULL, datasets=[text])


FIXED = FULL.replace("kind: gaussian", "kind: gaussian, fixed: true", 1)


@pytest.mark.parametrize("flag", [{"datasets": [f"normal={__file__}"]}, {"set": ["datasets.normal.rows=5"]}])
def test_a_fixed_dataset_takes_nothing_in_its_place(workshop: Any, flag: Any) -> None:
    workshop.load(FULL, **flag)
    told = workshop.refusal(FIXED, **flag)
    assert "dataset 'normal' is fixed: scenarios are written for its very rows" in told


def test_a_profile_that_extends_another_keeps_its_fixed_datasets(workshop: Any) -> None:
    workshop.write(FIXED, "base.yaml")
    same = "extends: [base.yaml]\ndatasets: {normal: {kind: gaussian, rows: 7}}\n"
    assert "'normal' is fixed in the profile that this one extends" in workshop.refusal(same)
    assert workshop.load("extends: [base.yaml]\ndatasets: {mine: {kind: gaussian, rows: 7}}\n").scenarios


def test_fixed_is_true_or_false(workshop: Any) -> None:
    assert "'fixed' is true or false" in workshop.refusal(FIXED.replace("fixed: true", "fixed: yes"))


def test_selection_counts_what_it_leaves_out(workshop: Any) -> None:
    plan = workshop.load(FULL, tags="performance", words="lof")
    assert [one.id for one in plan.scenarios] == ["measured[algorithm=lof]"]
    assert plan.deselected == 2
    with pytest.raises(NothingSelected):
        workshop.load(FULL, tags="nobody")


def test_several_profiles_run_as_one(workshop: Any) -> None:
    for name in ("first", "second"):
        workshop.write(
            f"scenarios: [{{id: of-{name}, steps: [{{health: {{}}}}]}}]",
            f"{name}.yaml",
            f"version: 1\nname: {name}\n",
        )
    plan = load(["first", "second", "first"], folders=workshop.folders)
    assert plan.profile == "first+second"
    assert [one.id for one in plan.scenarios] == ["of-first", "of-second"]


def test_a_flag_need_mean_something_to_one_profile_only(workshop: Any) -> None:
    for name in ("first", "second"):
        workshop.write(
            f"vars: {{of_{name}: 1}}\n"
            f"datasets: {{data_{name}: {{kind: gaussian}}}}\n"
            f"scenarios: [{{id: {name}, steps: [{{health: {{}}}}]}}]",
            f"{name}.yaml",
            f"version: 1\nname: {name}\n",
        )
    flags = ["vars.of_second=7", "datasets.data_first.rows=5"]
    plan = load(["first", "second"], Overrides(set=flags), workshop.folders)
    assert [one.vars for one in plan.scenarios] == [{"of_first": 1}, {"of_second": 7}]
    assert plan.datasets["data_first"].config == {"rows": 5}
    with pytest.raises(UsageError) as caught:
        load(["first", "second"], Overrides(set=["vars.nobody=7", "rubbish"]), workshop.folders)
    assert len(caught.value.mistakes) == 2  # type: ignore[attr-defined]


def test_ones_own_profile_may_extend_the_one_of_its_name_that_ships(workshop: Any, tmp_path: Path) -> None:
    from pynomaly_itest.profile.finder import ProfileFolders

    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "tried.yaml").write_text("version: 1\nname: tried\nvars: {a: 1}\n")
    path = workshop.write("extends: tried\nscenarios: [{id: one, steps: [{health: {}}]}]")
    plan = load([str(path)], folders=ProfileFolders((workshop.folder, shipped)))
    assert plan.scenarios[0].vars == {"a": 1}


def test_profiles_that_disagree_are_refused(workshop: Any) -> None:
    for name, rows in (("first", 1), ("second", 2)):
        workshop.write(
            f"datasets: {{x: {{kind: gaussian, rows: {rows}}}}}\n"
            f"target: {{settings: {{workers: {rows}}}}}\n"
            "scenarios: [{id: same, steps: [{health: {}}]}]",
            f"{name}.yaml",
            f"version: 1\nname: {name}\n",
        )
    with pytest.raises(UsageError) as caught:
        load(["first", "second"], folders=workshop.folders)
    told = "\n".join(mistake.message for mistake in caught.value.mistakes)  # type: ignore[attr-defined]
    assert "two profiles have a scenario 'same'" in told
    assert "two profiles mean different datasets by 'x'" in told
    assert "different settings" in told


def test_an_unknown_profile_is_wrong_usage(workshop: Any) -> None:
    workshop.write(FULL, "smoke.yaml")
    with pytest.raises(UsageError) as caught:
        load(["smok"], folders=workshop.folders)
    assert caught.value.hint == "did you mean 'smoke'?"
    assert [mistake.hint for mistake in validate(["smok"], workshop.folders)] == ["did you mean 'smoke'?"]
    with pytest.raises(UsageError):
        load([], folders=workshop.folders)
    with pytest.raises(UsageError):
        load(["nobody.yaml"], Overrides(), workshop.folders)


def test_the_folders_are_searched_in_order(workshop: Any, tmp_path: Path) -> None:
    from pynomaly_itest.profile.finder import ProfileFolders, profile_folders

    early = tmp_path / "early"
    early.mkdir()
    (early / "a.yaml").write_text("x")
    workshop.write("x", "a.yaml")
    workshop.write("x", "b.yml")
    folders = ProfileFolders((early, tmp_path / "nobody", workshop.folder))
    assert folders.find("a") == early / "a.yaml"
    assert sorted(folders.available()) == ["a", "b"]
    assert profile_folders(tmp_path).folders[0] == tmp_path / "profiles"


def test_a_shuffled_plan_holds_the_same_scenarios(workshop: Any) -> None:
    ids = [[one.id for one in workshop.load(FULL, shuffle_seed=seed).scenarios] for seed in range(6)]
    assert len({tuple(order) for order in ids}) > 1
    assert len({frozenset(order) for order in ids}) == 1


_EDITS = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.integers(0, 4),
        st.sampled_from(["", "[", "}", ": ", "\n", "- ", "'", "x", "${{ "]),
    ),
    min_size=1,
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(_EDITS)
def test_no_slip_of_the_keyboard_crashes_the_loader(workshop: Any, edits: list[tuple[int, int, str]]) -> None:
    text = FULL
    for position, length, put in edits:
        at = position % len(text)
        text = text[:at] + put + text[at + length :]
    path = workshop.write(text)
    mistakes = validate([str(path)], workshop.folders)
    assert all(mistake.render() for mistake in mistakes)
    if not mistakes:
        assert load([str(path)], folders=workshop.folders).scenarios


def test_cells_that_are_named_are_chosen_by_their_names(workshop: Any) -> None:
    text = "scenarios: [{id: q, matrix: {rows: [1, 2], ids: [few, many]}, steps: [{fetch: '/${{ matrix.rows }}'}]}]"
    plan = workshop.load(text, scenarios=["q[many]"])
    assert [(one.id, one.matrix) for one in plan.scenarios] == [("q[many]", {"rows": 2})]
    assert "two cells of the matrix are called '[few]'" in workshop.refusal(text.replace("many", "few"))
    assert "a name for each of its 2 cells" in workshop.refusal(text.replace(", many", ""))
