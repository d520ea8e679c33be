"""Routes of datasets."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

import msgspec

from pynomaly.api import queries, schemas
from pynomaly.api.bodies import content_type, limited, require_free_form
from pynomaly.api.endpoint import Answer, Call, Endpoint, json_answer
from pynomaly.api.multipart import UploadForm, read_upload_form
from pynomaly.api.off_loop import SCORING, UPLOADS, each_off_loop, off_loop
from pynomaly.api.views import dataset_view, quality_view
from pynomaly.domain.errors import InvalidInput, UnsupportedMedia
from pynomaly.domain.permissions import Permission, SecurityLevel
from pynomaly.domain.ports import Page
from pynomaly.json_text import NO_JSON
from pynomaly.security.standing import Watch
from pynomaly.usecases.delete import delete_dataset
from pynomaly.usecases.export_dataset import ExportFormat, export_dataset
from pynomaly.usecases.inspect_dataset import judge_quality, sample_dataset
from pynomaly.usecases.platform import principal_of
from pynomaly.usecases.split_dataset import split_dataset
from pynomaly.usecases.upload_dataset import NewDataset, UploadedFile, require_upload, upload_dataset

_FORM_OVERHEAD_BYTES = 1 << 20
_FORMATS_BY_ENDING = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".npy": "npy",
}
_MEDIA_BY_FORMAT = {
    "csv": b"text/csv; charset=utf-8",
    "parquet": b"application/vnd.apache.parquet",
    "npy": b"application/octet-stream",
}


class UploadFields(msgspec.Struct, frozen=True, kw_only=True):
    """The text parts of an upload."""

    name: schemas.Name | None = None
    description: schemas.Text | None = None
    target_column: schemas.Text | None = None
    format: str | None = None
    security_level: str = SecurityLevel.INTERNAL.name
    metadata: str = "{}"


@dataclass(frozen=True, slots=True)
class _Upload:
    file: UploadedFile
    new: NewDataset


async def upload(call: Call) -> Answer:
    """Take in a file; it is spooled first, sealed where it is large, and parsed by a process of its own."""
    services = call.services
    require_upload(services.platform, call.caller)
    if content_type(call.scope) != "multipart/form-data":
        raise UnsupportedMedia("Send the file as multipart/form-data, in a part named 'file'.")
    receive = limited(call.scope, call.receive, services.settings.max_upload_bytes + _FORM_OVERHEAD_BYTES)
    async with read_upload_form(call.scope, receive) as form:
        found = _read_upload(form)
        dataset = await UPLOADS.call(upload_dataset, services.platform, call.caller, found.new, found.file)
    return json_answer(
        dataset_view(dataset), 201, ((b"location", f"/api/v1/datasets/{dataset.id}".encode()),)
    )


def _read_upload(form: UploadForm) -> _Upload:
    if form.file_name is None:
        raise InvalidInput("The form has no part 'file' with a file in it.")
    texts = {name: text for name, text in form.texts.items() if text != ""}
    try:
        fields = msgspec.convert(texts, UploadFields)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"{error}.") from None
    path = PurePosixPath(form.file_name.replace("\\", "/"))
    ending = path.suffix.lower()
    stem = re.sub(r"[\x00-\x1f\x7f/\\]", "", path.stem)[:200]
    file_format = fields.format or _FORMATS_BY_ENDING.get(ending, ending.lstrip(".") or "csv")
    return _Upload(
        file=UploadedFile(cast(BinaryIO, form.file), form.file.size_bytes, file_format),
        new=NewDataset(
            name=fields.name or stem or "dataset",
            description=fields.description,
            target_column=fields.target_column,
            level=level_named(fields.security_level),
            metadata=_metadata(fields.metadata),
        ),
    )


def level_named(name: str) -> SecurityLevel:
    """A security level by its name; raises InvalidInput listing them."""
    try:
        return SecurityLevel[name.upper()]
    except KeyError:
        raise InvalidInput(f"security_level is one of {', '.join(SecurityLevel.__members__)}.") from None


def _metadata(text: str) -> dict[str, Any]:
    try:
        metadata = msgspec.json.decode(text, type=dict[str, Any])
    except NO_JSON:
        raise InvalidInput("metadata must be a JSON object.") from None
    require_free_form(metadata, "metadata")
    return metadata


async def listing(call: Call) -> Answer:
    """Datasets, newest first."""
    platform = call.services.platform
    scope = platform.scope(call.caller, Permission.DATA_READ)
    found = await off_loop(platform.datasets.list, scope, Page(call.query.limit, call.query.offset))
    views = [dataset_view(dataset) for dataset in found.items]
    return json_answer(views, headers=((b"x-total-count", str(found.total).encode()),))


async def get(call: Call) -> Answer:
    """One dataset."""
    dataset = await off_loop(
        call.services.platform.dataset, call.caller, call.path["id"], Permission.DATA_READ
    )
    return json_answer(dataset_view(dataset))


async def delete(call: Call) -> Answer:
    """Delete a dataset and the results on it."""
    await off_loop(delete_dataset, call.services.platform, call.caller, call.path["id"])
    return Answer(status=204)


async def sample(call: Call) -> Answer:
    """Some rows of a dataset."""
    found = await off_loop(
        sample_dataset,
        call.services.platform,
        call.caller,
        call.path["id"],
        n=call.query.n,
        seed=call.query.seed,
    )
    return json_answer(
        schemas.DatasetSample(columns=list(found.columns), rows=[list(row) for row in found.rows])
    )


async def quality(call: Call) -> Answer:
    """How good the data is."""
    found = await SCORING.call(judge_quality, call.services.platform, call.caller, call.path["id"])
    return json_answer(quality_view(call.path["id"], found))


async def split(call: Call) -> Answer:
    """Cut a dataset in two."""
    found = await off_loop(
        split_dataset,
        call.services.platform,
        call.caller,
        call.path["id"],
        test_fraction=call.body.test_fraction,
        seed=call.body.seed,
    )
    return json_answer(
        schemas.DatasetSplit(train=dataset_view(found.train), test=dataset_view(found.test)), 201
    )


async def export(call: Call) -> Answer:
    """The dataset as a file."""
    file_format: ExportFormat = call.query.format
    pieces = await off_loop(export_dataset, call.services.platform, call.caller, call.path["id"], file_format)
    watch = call.services.security.standing.watch(principal_of(call.caller))
    disposition = f'attachment; filename="{call.path["id"]}.{file_format}"'.encode()
    return Answer(
        media_type=_MEDIA_BY_FORMAT[file_format],
        headers=((b"content-disposition", disposition),),
        pieces=each_off_loop(pieces, lambda: _require_readable(call, watch)),
    )


def _require_readable(call: Call, watch: Watch) -> None:
    """Raises once the caller may not read the dataset any more, or it is gone."""
    caller = replace(call.caller, principal=watch.principal())
    call.services.platform.dataset(caller, call.path["id"], Permission.DATA_READ)


_UPLOAD_FORM = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["file"],
            "properties": {
                "file": {"type": "string", "format": "binary", "description": "csv, tsv, parquet or npy"},
                "name": {"type": "string", "maxLength": 200},
                "description": {"type": "string", "maxLength": 2000},
                "target_column": {"type": "string", "description": "Labels; never trained on."},
                "format": {"type": "string", "enum": ["csv", "tsv", "parquet", "npy"]},
                "security_level": {"type": "string", "enum": list(SecurityLevel.__members__)},
                "metadata": {"type": "string", "description": "A JSON object."},
            },
        }
    }
}

ENDPOINTS = [
    Endpoint(
        method="POST", path="/api/v1/datasets/upload", handler=upload, summary="Upload a file as a dataset",
        tag="datasets", permission=Permission.DATA_WRITE, body_media=_UPLOAD_FORM, reply=schemas.Dataset, status=201,
        problems=(400, 413, 415, 422, 507),
    ),
    Endpoint(
        method="GET", path="/api/v1/datasets", handler=listing, summary="List datasets", tag="datasets",
        permission=Permission.DATA_READ, query=queries.PageQuery, reply=list[schemas.Dataset], problems=(422,),
    ),
    Endpoint(
        method="GET", path="/api/v1/datasets/{id}", handler=get, summary="Get a dataset", tag="datasets",
        permission=Permission.DATA_READ, reply=schemas.Dataset, problems=(404,),
    ),
    Endpoint(
        method="DELETE", path="/api/v1/datasets/{id}", handler=delete, summary="Delete a dataset", tag="datasets",
        permission=Permission.DATA_DELETE, status=204, problems=(404,),
    ),
    Endpoint(
        method="GET", path="/api/v1/datasets/{id}/sample", handler=sample, summary="Some rows", tag="datasets",
        permission=Permission.DATA_READ, query=queries.SampleQuery, reply=schemas.DatasetSample, problems=(404, 422),
    ),
    Endpoint(
        method="GET", path="/api/v1/datasets/{id}/quality", handler=quality, summary="How good the data is",
        tag="datasets", permission=Permission.DATA_READ, reply=schemas.DatasetQuality, problems=(404,),
    ),
    Endpoint(
        method="POST", path="/api/v1/datasets/{id}/split", handler=split, summary="Cut a dataset in two",
        tag="datasets", permission=Permission.DATA_WRITE, body=schemas.SplitRequest, reply=schemas.DatasetSplit,
        status=201, problems=(400, 404, 413, 422),
    ),
    Endpoint(
        method="GET", path="/api/v1/datasets/{id}/export", handler=export, summary="The dataset as a file",
        tag="datasets", permission=Permission.DATA_READ, query=queries.ExportQuery, media="application/octet-stream",
        problems=(404, 422),
    ),
]  # fmt: skip
