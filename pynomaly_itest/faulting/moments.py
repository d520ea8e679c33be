"""Work that is surely under way when the fault comes: an upload half sent, a training, a detection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from pynomaly_itest.errors import CannotMeasure, StepFailed
from pynomaly_itest.faulting.facts import Begun, Stored, same_scores, scores_in
from pynomaly_itest.faulting.tally import Tally
from pynomaly_itest.faulting.witness import Witness, npy
from pynomaly_itest.target.http import Body
from pynomaly_itest.target.platform import PREFIX

_BIG_ROWS = 20_000
_BOUNDARY = b"itest-half-an-upload"
_TAKES_ROOT_S = 0.03
_MOST_LOOKS = 100
_RUNNING_S = 20.0


@dataclass
class Work:
    """`under_way` returns when it is; `done` ends with it, its outcome entered in the witness's tally."""

    done: asyncio.Task[None]
    under_way: Callable[[], Awaitable[None]]
    go_on: Callable[[], None] = lambda: None


async def begin_work(kind: str, witness: Witness) -> Work:
    """Prepare and begin work of this kind: upload, training or detection."""
    return await {"upload": _upload, "training": _training, "detection": _detection}[kind](witness)


async def _upload(witness: Witness) -> Work:
    """Half of a file is sent, the rest when `go_on` is called."""
    rows = witness.make_rows(_BIG_ROWS, witness.seed + 1)
    half_sent, go_on = asyncio.Event(), asyncio.Event()
    head = (
        b'--%s\r\nContent-Disposition: form-data; name="name"\r\n\r\n%s\r\n'
        b'--%s\r\nContent-Disposition: form-data; name="file"; filename="half.npy"\r\n\r\n'
    ) % (_BOUNDARY, witness.label.encode(), _BOUNDARY)
    content = head + npy(rows) + b"\r\n--%s--\r\n" % _BOUNDARY

    async def pieces() -> AsyncIterator[bytes]:
        yield content[: len(content) // 2]
        half_sent.set()
        await go_on.wait()
        yield content[len(content) // 2 :]

    async def send() -> None:
        import httpx

        headers = {
            **await witness.api.authorization(),
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY.decode()}",
            "Content-Length": str(len(content)),
        }
        tally = witness.tally
        try:
            reply = await witness.api.http.client.post(
                f"{PREFIX}/datasets/upload", content=pieces(), headers=headers, timeout=witness.patience_s
            )
        except httpx.TimeoutException:
            tally.unanswered(hung=True)
        except httpx.HTTPError:
            tally.unanswered(hung=False)
        else:
            _told(tally, witness, reply.status_code, reply.content, rows)
        finally:
            half_sent.set()

    sent = asyncio.create_task(send())

    async def under_way() -> None:
        await half_sent.wait()
        await witness.sleep(_TAKES_ROOT_S)  # a target that refuses it does so within that time
        if sent.done():
            raise CannotMeasure("the upload was over, half sent, before anything could be broken")

    return Work(sent, under_way, go_on.set)


def _told(tally: Tally, witness: Witness, status: int, body: bytes, rows: object) -> None:
    """Enter how the half-sent upload was answered."""
    if status != 201:
        tally.declined("POST datasets/upload", status)
        return
    tally.succeeded()
    try:
        stored = str(json.loads(body)["id"])
    except (ValueError, KeyError, TypeError):
        tally.is_wrong("an upload was acknowledged without an id")
        return
    witness.ledger.created("dataset", stored, f"datasets/{stored}")
    tally.facts.append(Stored(stored, rows))  # type: ignore[arg-type]  # made above as an array


async def _training(witness: Witness) -> Work:
    """A training that takes a second or so; it is under way once the target says that it runs."""
    rows = witness.make_rows(_BIG_ROWS, witness.seed + 2)
    dataset = await witness.must_store(rows)
    detector = await witness.must_create("isolation_forest", {"n_estimators": 500})
    wanted = Body(json={"detector_id": detector, "dataset_id": dataset})
    begun = await witness.api.call("POST", "detection/train", accept=(200, 202), body=wanted)
    operation = str(begun["id"])
    witness.tally.facts.append(Begun(operation, detector, rows[:2].tolist()))

    async def under_way() -> None:
        ends_s = witness.clock() + _RUNNING_S
        while witness.clock() < ends_s:
            state = await witness.api.call("GET", f"operations/{operation}")
            if state.get("status") == "running":
                return
            if state.get("status") != "pending":
                raise CannotMeasure(f"the training was {state.get('status')} before anything could be broken")
            await witness.sleep(0.01)
        raise StepFailed(f"a training was not begun within {_RUNNING_S:g} s")

    async def nothing() -> None:
        """Whether it ended well is a fact to look at afterwards."""

    return Work(asyncio.create_task(nothing()), under_way)


async def _detection(witness: Witness) -> Work:
    """Detections in many rows, which take a while; whether they are answered, and alike, is seen in the tally."""
    dataset = await witness.must_store(witness.make_rows(_BIG_ROWS, witness.seed + 3))
    over, asking = asyncio.Event(), asyncio.Event()

    async def detect() -> None:
        first: tuple[float, ...] = ()
        while not over.is_set():  # one after the other, so that one is under way whenever it happens
            asking.set()
            reply = await witness.ask_detection(dataset)
            asking.clear()
            if reply is None:
                return
            first = first or scores_in(reply)
            if not same_scores(scores_in(reply), first):
                witness.tally.is_wrong("a detection has other scores than the one before it in the same rows")
            await _forget(witness, reply.json())

    detections = asyncio.create_task(detect())

    async def under_way() -> None:
        for _ in range(_MOST_LOOKS):
            await witness.sleep(_TAKES_ROOT_S)
            if asking.is_set():
                return
            if detections.done():
                break
        raise CannotMeasure("no detection was under way when something was to be broken")

    return Work(detections, under_way, over.set)


async def _forget(witness: Witness, result: object) -> None:
    """Remove a detection's result, so that the next one is made anew and not found in a cache."""
    if isinstance(result, dict) and isinstance(result.get("id"), str):
        await witness.tally.ask(
            witness.api,
            "DELETE",
            f"detection/results/{result['id']}",
            accept=(204, 404),
            patience_s=witness.patience_s,
        )
