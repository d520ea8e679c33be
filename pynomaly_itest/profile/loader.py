"""Loads profiles into a plan, or tells every mistake in them at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from pynomaly_itest.errors import Mistake, ProfileError, UsageError
from pynomaly_itest.profile.calls import StepList
from pynomaly_itest.profile.dataset_specs import (
    DatasetReader,
    folder_datasets,
    missing_file,
    needed_by,
)
from pynomaly_itest.profile.finder import ProfileFolders, profile_folders
from pynomaly_itest.profile.layers import Layer, LayerReader
from pynomaly_itest.profile.model import DatasetSpec, Origin, Plan, Scenario, ServiceSpec
from pynomaly_itest.profile.nodes import ListNode, MappingNode, items_at, mapping_at, scalars, text_at
from pynomaly_itest.profile.origins import describe
from pynomaly_itest.profile.overrides import ENVIRONMENT_DATA_DIR, Overrides, collect
from pynomaly_itest.profile.scenarios import ScenarioCompiler, ScenarioDraft
from pynomaly_itest.profile.selection import select
from pynomaly_itest.profile.service import read_service
from pynomaly_itest.profile.settings import (
    DEFAULT_BENCHMARKS,
    Settings,
    Strengths,
    default_settings,
    forced_settings,
    layer_settings,
    quick_settings,
    section,
)
from pynomaly_itest.profile.tls import read_tls
from pynomaly_itest.registry import did_you_mean
from pynomaly_itest.transport.tls import SYSTEM, Tls

_NO_OVERRIDES = Overrides()


def load(
    names_or_files: Sequence[str], overrides: Overrides = _NO_OVERRIDES, folders: ProfileFolders | None = None
) -> Plan:
    """The plan of these profiles (names or files) under these overrides.

    Raises UsageError for a name that no profile has or a flag that says nothing, ProfileError with every
    mistake there is, NothingSelected where the selection leaves no scenario.
    """
    if not names_or_files:
        raise UsageError("no profile is named", hint="-p NAME or -p FILE; 'list profiles' shows them")
    where = folders or profile_folders()
    mistakes: list[Mistake] = []
    profiles = [
        _compile(where.find(name), overrides, where, mistakes) for name in dict.fromkeys(names_or_files)
    ]
    _check_together(profiles, mistakes)
    _refuse(mistakes, profiles)
    everything = [scenario for profile in profiles for scenario in profile.scenarios]
    chosen = select(everything, overrides)
    datasets = {name: spec for profile in profiles for name, spec in profile.datasets.items()}
    needed = needed_by(chosen, datasets)
    _refuse([mistake for name in needed if (mistake := missing_file(datasets[name]))], profiles)
    return _plan(profiles, chosen, everything, overrides, needed)


def _plan(
    profiles: Sequence[_Profile],
    chosen: tuple[Scenario, ...],
    everything: Sequence[Scenario],
    overrides: Overrides,
    needed: tuple[str, ...] = (),
) -> Plan:
    first = profiles[0]
    return Plan(
        profile="+".join(profile.name for profile in profiles),
        description=first.description,
        files=tuple(dict.fromkeys(layer.shown for profile in profiles for layer in profile.layers)),
        scenarios=chosen,
        deselected=len(everything) - len(chosen),
        datasets={name: spec for profile in profiles for name, spec in profile.datasets.items()},
        needed_datasets=needed,
        benchmarks=section(first.settings, "benchmarks"),
        target_settings=section(first.settings, "target.settings"),
        origins=_origins(profiles, overrides),
        confidence=first.settings["confidence"].value,
        require_checks=first.settings["require_checks"].value,
        min_samples=first.settings["min_samples"].value,
        needs_platform=any(scenario.needs_platform for scenario in chosen),
        service=next((profile.service for profile in profiles if profile.service is not None), None),
        tls=next((profile.tls for profile in profiles if profile.tls), SYSTEM),
    )


def validate(names_or_files: Sequence[str], folders: ProfileFolders | None = None) -> list[Mistake]:
    """Every mistake in these profiles, in reading order; empty if there is none."""
    return examine(names_or_files, folders).mistakes


@dataclass(frozen=True)
class Examined:
    """What is wrong with profiles, in reading order; where nothing is, the plan of each with all its scenarios."""

    mistakes: list[Mistake]
    plans: tuple[Plan, ...] = ()


def examine(
    names_or_files: Sequence[str],
    folders: ProfileFolders | None = None,
    overrides: Overrides = _NO_OVERRIDES,
) -> Examined:
    """Every mistake in these profiles, each looked at by itself, and without mistakes their plans."""
    where = folders or profile_folders()
    mistakes: list[Mistake] = []
    profiles = []
    for name in dict.fromkeys(names_or_files):
        try:
            profiles.append(_compile(where.find(name), overrides, where, mistakes))
        except UsageError as problem:
            collect(mistakes, problem)
    if profiles:
        common = set.intersection(*(_messages(profile.flag_mistakes) for profile in profiles))
        mistakes.extend(one for one in profiles[0].flag_mistakes if one.message in common)
    if mistakes:
        return Examined(_in_reading_order(mistakes, profiles))
    plans = [_plan([each], tuple(each.scenarios), each.scenarios, overrides) for each in profiles]
    return Examined([], tuple(plans))


@dataclass
class _Profile:
    """A profile with all that it extends, compiled."""

    name: str
    description: str
    layers: list[Layer]
    strengths: Strengths
    datasets: dict[str, DatasetSpec] = field(default_factory=dict)
    scenarios: list[Scenario] = field(default_factory=list)
    own_settings: dict[str, Settings] = field(default_factory=dict)
    flag_mistakes: list[Mistake] = field(default_factory=list)
    service: ServiceSpec | None = None
    tls: Tls = SYSTEM

    @property
    def settings(self) -> Settings:
        return self.strengths.effective()


def _compile(path: Path, overrides: Overrides, folders: ProfileFolders, mistakes: list[Mistake]) -> _Profile:
    layers = LayerReader(folders, mistakes).read(path)
    weak = default_settings()
    for layer in layers:
        weak.update(layer_settings(layer, extended=layer is not layers[-1]))
    flag_mistakes: list[Mistake] = []
    quick = _quick(layers, weak, mistakes)
    if overrides.quick and not quick:
        hint = "give it a key `quick: {vars: …}`, or leave --quick out"
        flag_mistakes.append(Mistake("--quick: the profile says nothing of what is quicker", hint=hint))
    weak.update(quick if overrides.quick else {})
    strengths = Strengths(weak, forced_settings(overrides, weak, flag_mistakes))
    last = layers[-1].node if layers else None
    profile = _Profile(text_at(last, "name", path.stem), text_at(last, "description"), layers, strengths)
    profile.flag_mistakes = flag_mistakes
    flag_mistakes += _no_folder(overrides.data_dir)
    datasets = DatasetReader(overrides, _data_folders(overrides), mistakes, flag_mistakes)
    profile.service = read_service(layers, overrides.service, mistakes)
    profile.tls = read_tls(layers, mistakes)
    own_files = folder_datasets(_data_folders(overrides))
    profile.datasets = {**own_files, **datasets.read(layers)}
    named = {*profile.datasets, *datasets.named}  # one with a mistake of its own is not unknown as well
    compiler = ScenarioCompiler(strengths, _step_lists(layers), named, mistakes, tuple(own_files))
    drafts = _drafts(layers, mistakes)
    for draft in drafts:
        profile.own_settings[draft.id] = compiler.own_settings(draft)
        profile.scenarios.extend(compiler.compile(draft))
    if layers and not drafts and "scenarios" not in layers[-1].node.entries:
        at = layers[-1].node.source
        mistakes.append(at.mistake("the profile has no scenarios", "nothing would be tested"))
    _check_benchmarks(layers, weak, mistakes)
    return profile


def _quick(layers: Sequence[Layer], weak: Settings, mistakes: list[Mistake]) -> Settings:
    """What --quick would set; each name must be a variable that the profile has without it, too."""
    found = quick_settings(layers)
    for key, setting in found.items():
        if key not in weak and setting.source is not None:
            name = key.partition(".")[2]
            hint = did_you_mean(name, section(weak, "vars"))
            mistakes.append(setting.source.mistake(f"unknown variable {name!r} below 'quick'", hint))
    return found


def _drafts(layers: Sequence[Layer], mistakes: list[Mistake]) -> list[ScenarioDraft]:
    """The scenarios in order; one of an extended profile is replaced by one of the same id."""
    found: dict[str, ScenarioDraft] = {}
    for layer in layers:
        here: dict[str, MappingNode] = {}
        for position, item in enumerate(items_at(layer.node, "scenarios")):
            if not isinstance(item, MappingNode):
                continue  # the model has told it
            draft = ScenarioDraft(item, layer)
            if draft.id and draft.id in here:
                at, first = item.entries["id"].source, here[draft.id].source.place.line
                mistakes.append(
                    at.mistake(f"duplicate scenario id {draft.id!r}", f"the first is on line {first}")
                )
            known = draft.id and draft.id not in here
            here.setdefault(draft.id, item)
            found[draft.id if known else f"{layer.shown}:{position}"] = draft
    return list(found.values())


def _step_lists(layers: Sequence[Layer]) -> dict[str, StepList]:
    found = {}
    for layer in layers:
        lists = mapping_at(layer.node, "step_lists")
        for name, node in lists.entries.items() if lists else ():
            if isinstance(node, ListNode):
                found[name] = StepList(node, layer.folder)
    return found


def _data_folders(overrides: Overrides) -> list[Path]:
    named = overrides.environment.get(ENVIRONMENT_DATA_DIR)
    return [*([Path(named)] if named else []), *([overrides.data_dir] if overrides.data_dir else [])]


def _no_folder(folder: Path | None) -> list[Mistake]:
    """A folder that isn't there would leave out, in silence, all that is made of the files in it."""
    return [] if folder is None or folder.is_dir() else [Mistake(f"--data-dir: {folder} is no folder")]


def _check_benchmarks(layers: Sequence[Layer], weak: Settings, mistakes: list[Mistake]) -> None:
    """A benchmark of one's own that nothing uses and that looks like a known one is a slip of the pen."""
    said = [str(scalar.value) for layer in layers for scalar in scalars(layer.node)]
    for key, setting in weak.items():
        name = key.partition(".")[2]
        if not key.startswith("benchmarks.") or name in DEFAULT_BENCHMARKS or setting.source is None:
            continue
        near = get_close_matches(name, DEFAULT_BENCHMARKS, n=1, cutoff=0.75)
        if near and not any(key in text for text in said):
            hint = f"did you mean {near[0]!r}?"
            mistakes.append(setting.source.mistake(f"unknown benchmark {name!r}: nothing uses it", hint))


def _check_together(profiles: Sequence[_Profile], mistakes: list[Mistake]) -> None:
    """Profiles that are run as one must agree on what they share; a flag must mean something to one of them."""
    common = set.intersection(*(_messages(profile.flag_mistakes) for profile in profiles))
    mistakes.extend(one for one in profiles[0].flag_mistakes if one.message in common)
    ids: dict[str, Scenario] = {}
    specs: dict[str, DatasetSpec] = {}
    for profile in profiles:
        kept: list[Scenario] = []
        for scenario in profile.scenarios:
            first = ids.setdefault(scenario.id, scenario)
            if first is scenario or any(first is one for one in kept):
                kept.append(scenario)
            elif first.source != scenario.source:  # the same place: both extend the profile that has it
                mistakes.append(scenario.source.mistake(f"two profiles have a scenario {scenario.id!r}"))
        profile.scenarios = kept
        for name, spec in profile.datasets.items():
            first_spec = specs.setdefault(name, spec)
            if (first_spec.kind, first_spec.config) != (spec.kind, spec.config) and spec.source:
                message = f"two profiles mean different datasets by {name!r}"
                mistakes.append(spec.source.mistake(message, "run them one after the other, or rename one"))
    services = {id(profile.service): profile.service for profile in profiles if profile.service is not None}
    if len({(spec.adapter, str(spec.config)) for spec in services.values()}) > 1:
        mistakes.append(
            Mistake("two profiles say in different ways how the service is spoken to (`service:`)")
        )
    if len({profile.tls for profile in profiles if profile.tls}) > 1:
        mistakes.append(Mistake("two profiles say in different ways whom to trust (`tls:`)"))
    for profile in profiles[1:]:
        if section(profile.settings, "target.settings") != section(profiles[0].settings, "target.settings"):
            names = f"{profiles[0].name!r} and {profile.name!r}"
            mistakes.append(Mistake(f"the profiles {names} start the target with different settings"))


def _messages(mistakes: Iterable[Mistake]) -> set[str]:
    return {mistake.message for mistake in mistakes}


def _origins(profiles: Sequence[_Profile], overrides: Overrides) -> tuple[Origin, ...]:
    found: list[Origin] = []
    for profile in profiles:
        prefix = f"{profile.name}: " if len(profiles) > 1 else ""
        found += describe(profile.settings, prefix)
        for name, own in profile.own_settings.items():
            heeded = {key: setting for key, setting in profile.strengths.effective(own).items() if key in own}
            found += describe(heeded, f"{prefix}{name}: ")
        found += [
            Origin(f"{prefix}datasets.{spec.name}", _dataset_text(spec), _dataset_origin(spec, overrides))
            for spec in profile.datasets.values()
        ]
    return tuple(found)


def _dataset_text(spec: DatasetSpec) -> str:
    return ", ".join([spec.kind, *(f"{key}={value}" for key, value in spec.config.items())])


def _dataset_origin(spec: DatasetSpec, overrides: Overrides) -> str:
    if any(text.startswith(f"{spec.name}=") for text in overrides.datasets):
        return "command line --dataset"
    if any(text.startswith(f"datasets.{spec.name}.") for text in overrides.set):
        return "command line --set, over the profile"
    return f"profile {spec.source.place.file}:{spec.source.place.line}" if spec.source else "profile"


def _refuse(mistakes: Sequence[Mistake], profiles: Sequence[_Profile]) -> None:
    if mistakes:
        raise ProfileError(_in_reading_order(mistakes, profiles))


def _in_reading_order(mistakes: Sequence[Mistake], profiles: Sequence[_Profile]) -> list[Mistake]:
    """Flags first, then by file, line and column; the same mistake (of an included list) only once."""
    files = [layer.shown for profile in profiles for layer in reversed(profile.layers)]

    def order(mistake: Mistake) -> tuple[int, str, int, int]:
        if mistake.place is None:
            return (-1, "", 0, 0)
        place = mistake.place
        rank = files.index(place.file) if place.file in files else len(files)
        return (rank, place.file, place.line, place.column)

    return sorted(dict.fromkeys(mistakes), key=order)
