"""Objects of one actor, and what happens when another one tries their ids with every verb."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.probing.actors import Actor
from pynomaly_itest.probing.probe import Hole, Observation
from pynomaly_itest.target.http import NO_BODY, Body, Reply
from pynomaly_itest.target.platform import PREFIX

if TYPE_CHECKING:
    from pynomaly_itest.probing.context import ProbeContext

SENT_FOR_TRAINED = (
    "POST datasets/upload",
    "POST detectors",
    "POST detection/train",
    "GET operations/{id}",
)
SENT_FOR_MODEL = (*SENT_FOR_TRAINED, "POST detection/detect")
SENT_BY_STRANGER = (
    "GET datasets",
    *(f"GET datasets/{{id}}{part}" for part in ("", "/sample", "/quality", "/export")),
    *(f"{verb} detectors/{{id}}" for verb in ("GET", "PATCH", "DELETE")),
    *(f"POST detection/{verb}" for verb in ("predict", "detect", "train")),
    *(f"{verb} detection/results/{{id}}" for verb in ("GET", "DELETE")),
    "DELETE datasets/{id}",
)
"""What `trained`, `made_by` and `tried_by` ask the target for."""
CLOSED = (401, 403, 404)
_POLL_S, _TRAINING_S = 0.05, 60.0


@dataclass(frozen=True)
class Model:
    """A trained detector and the dataset that it learnt from."""

    owner: Actor
    dataset: str
    detector: str
    result: str | None = None


@dataclass(frozen=True)
class Attempt:
    """One request that a stranger must not succeed with."""

    method: str
    path: str
    route: str
    body: Body = NO_BODY


def csv_of(rows: list[list[float]], names: tuple[str, ...] = ("a", "b", "c")) -> bytes:
    """Rows as a CSV file with a header."""
    lines = [",".join(names), *(",".join(f"{value:.6f}" for value in row) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def blob(seed: int, count: int = 60, width: int = 3, far: int = 0) -> list[list[float]]:
    """`count` standard normal rows, and after them `far` rows ten to twelve deviations out."""
    source = random.Random(seed)  # noqa: S311 - test data
    near = [[source.gauss(0, 1) for _ in range(width)] for _ in range(count)]
    out = [[source.choice((-1, 1)) * source.uniform(10, 12) for _ in range(width)] for _ in range(far)]
    return near + out


async def upload(
    ctx: ProbeContext,
    owner: Actor,
    content: bytes,
    name: str = "data.csv",
    fields: Mapping[str, str] | None = None,
) -> Reply:
    """One upload; any status is a reply, and what was made is entered for removal."""
    media = {"csv": "text/csv"}.get(name.rpartition(".")[2], "application/octet-stream")
    files: dict[str, Any] = {
        key: (None, value) for key, value in {"name": ctx.label, **(fields or {})}.items()
    }
    reply = await ctx.send(
        "POST", "datasets/upload", actor=owner, body=Body(files={**files, "file": (name, content, media)})
    )
    note_created(ctx, reply, "dataset", "datasets")
    return reply


def note_created(ctx: ProbeContext, reply: Reply, kind: str, path: str) -> str | None:
    """Enter what a reply says was made; its id, None where nothing was."""
    if reply.status not in (200, 201):
        return None
    made = ctx.require_status(reply, (200, 201), kind)
    id_ = made.get("id") if isinstance(made, dict) else None
    if not isinstance(id_, str | int):
        return None
    ctx.ledger.created(kind, str(id_), f"{path}/{id_}")
    return str(id_)


async def dataset_of(ctx: ProbeContext, owner: Actor, content: bytes, **fields: str) -> str:
    """The id of a new dataset; a control."""
    reply = await upload(ctx, owner, content, fields=fields)
    made = ctx.require_status(reply, (200, 201), "POST datasets/upload")
    ctx.control(isinstance(made, dict) and "id" in made, "an upload was answered without the dataset's id")
    return str(made["id"])


async def detector_of(ctx: ProbeContext, owner: Actor, algorithm: str = "hbos", **more: Any) -> str:
    """The id of a new detector; a control."""
    wanted = {"name": ctx.label, "algorithm_name": algorithm, "contamination_rate": 0.1, **more}
    reply = await ctx.send("POST", "detectors", actor=owner, body=Body(json=wanted))
    id_ = note_created(ctx, reply, "detector", "detectors")
    ctx.control(id_ is not None, f"POST detectors answered {reply.status}")
    return str(id_)


async def trained(ctx: ProbeContext, owner: Actor, detector: str, dataset: str) -> None:
    """Train and wait for the end; a control."""
    body = Body(json={"detector_id": detector, "dataset_id": dataset})
    reply = await ctx.send("POST", "detection/train", actor=owner, body=body)
    operation = ctx.require_status(reply, (200, 201, 202), "POST detection/train")
    until = ctx.clock() + _TRAINING_S
    while isinstance(operation, dict) and operation.get("status") in ("pending", "running"):
        if ctx.clock() > until:
            raise CannotMeasure(f"control: a training took longer than {_TRAINING_S:g} s")
        await ctx.sleep(_POLL_S)
        polled = await ctx.send("GET", f"operations/{operation['id']}", actor=owner)
        operation = ctx.require_status(polled, (200,), "GET operations/{id}")
    done = isinstance(operation, dict) and operation.get("status") == "completed"
    ctx.control(
        done, f"the training ended as {operation.get('status') if isinstance(operation, dict) else None!r}"
    )


async def predicted(
    ctx: ProbeContext, owner: Actor, detector: str, rows: list[list[float]]
) -> dict[str, Any]:
    """Scores and labels of these rows; a control."""
    body = Body(json={"detector_id": detector, "rows": rows})
    reply = await ctx.send("POST", "detection/predict", actor=owner, body=body)
    found = ctx.require_status(reply, (200,), "POST detection/predict")
    whole = isinstance(found, dict) and len(found.get("anomaly_scores") or ()) == len(rows)
    ctx.control(
        whole and len(found.get("anomaly_labels") or ()) == len(rows), "a prediction lacks scores or labels"
    )
    assert isinstance(found, dict)  # noqa: S101 - the control said so
    return found


async def made_by(ctx: ProbeContext, name: str) -> Model:
    """A dataset, a trained detector and a result of this actor."""
    owner = await ctx.actors.get(name)
    dataset = await dataset_of(ctx, owner, csv_of(blob(ctx.seed, far=3)))
    detector = await detector_of(ctx, owner)
    await trained(ctx, owner, detector, dataset)
    body = Body(json={"detector_id": detector, "dataset_id": dataset})
    reply = await ctx.send("POST", "detection/detect", actor=owner, body=body)
    ctx.require_status(reply, (200, 201), "POST detection/detect")
    return Model(owner, dataset, detector, note_created(ctx, reply, "result", "detection/results"))


async def model_of(ctx: ProbeContext, name: str) -> Model:
    """A model of this actor that probes share as long as they only ask it things."""
    found = ctx.kept.get(name)
    if not isinstance(found, Model):
        found = ctx.kept[name] = await made_by(ctx, name)
    return found


def attempts_on(model: Model) -> list[Attempt]:
    """Every verb with every id; what destroys comes last."""
    pair = Body(json={"detector_id": model.detector, "dataset_id": model.dataset})
    rows = Body(json={"detector_id": model.detector, "rows": [[0.0, 0.0, 0.0]]})
    patch = Body(json={"description": "itest"})
    found = [
        Attempt("GET", f"datasets/{model.dataset}{part}", f"GET {PREFIX}/datasets/{{id}}{part}")
        for part in ("", "/sample", "/quality", "/export")
    ]
    found += [
        Attempt("GET", f"detectors/{model.detector}", f"GET {PREFIX}/detectors/{{id}}"),
        Attempt("POST", "detection/predict", f"POST {PREFIX}/detection/predict", rows),
        Attempt("POST", "detection/detect", f"POST {PREFIX}/detection/detect", pair),
        Attempt("POST", "detection/train", f"POST {PREFIX}/detection/train", pair),
        Attempt("PATCH", f"detectors/{model.detector}", f"PATCH {PREFIX}/detectors/{{id}}", patch),
    ]
    if model.result is not None:
        path, route = f"detection/results/{model.result}", f"{PREFIX}/detection/results/{{id}}"
        found += [Attempt("GET", path, f"GET {route}"), Attempt("DELETE", path, f"DELETE {route}")]
    return [
        *found,
        Attempt("DELETE", f"detectors/{model.detector}", f"DELETE {PREFIX}/detectors/{{id}}"),
        Attempt("DELETE", f"datasets/{model.dataset}", f"DELETE {PREFIX}/datasets/{{id}}"),
    ]


async def tried_by(ctx: ProbeContext, model: Model, stranger: str) -> Observation:
    """Controls: the owner can read all of it before and, unless a hole was found, after; the stranger can log in."""
    who = await ctx.actors.get(stranger)
    ctx.require_status(await ctx.send("GET", "datasets", actor=who), (200,), f"GET datasets as {stranger}")
    await _readable(ctx, model)
    holes: list[Hole] = []
    for attempt in attempts_on(model):
        reply = await ctx.send(attempt.method, attempt.path, actor=who, body=attempt.body)
        if reply.status not in (*CLOSED, 405):
            seen = f"{stranger} was answered {reply.status} for an object of {model.owner.name}"
            holes.append(Hole(attempt.route, "another's id", seen, reply.exchange))
    listed = await ctx.send("GET", "datasets?limit=1000", actor=who)
    if model.dataset.encode() in listed.body:
        seen = f"{stranger} finds a dataset of {model.owner.name} in the listing"
        holes.append(Hole(f"GET {PREFIX}/datasets", "another's object listed", seen, listed.exchange))
    if not holes:
        await _readable(ctx, model)
    return Observation(
        f"{len(attempts_on(model))} requests with another's ids, each refused", "", tuple(holes)
    )


async def _readable(ctx: ProbeContext, model: Model) -> None:
    for path in (f"datasets/{model.dataset}", f"detectors/{model.detector}"):
        reply = await ctx.send("GET", path, actor=model.owner)
        ctx.require_status(reply, (200,), f"GET {path.partition('/')[0]}/{{id}} as its owner")
