"""Drives an API with the official Python client, and checks everything that it answers.

    official.py read       prints a JSON line for every picture, document and page that the client lists
    official.py narrow     compares listings with filters with what they leave of the whole listings
    official.py change     adds, uploads, updates, moves and deletes directory files
    official.py fetch      fetches the screenshots that are named on standard input, a JSON array of [file, page], and prints a
                           line for each: the SHA-256, or null where the client raised an error
    official.py typed      prints of one screenshot the type that the client returns, the SHA-256 of that, and that of the bytes

The environment has BASE_URL and KEY. An answer that the client's models do not describe to the last field ends it with an error.
"""

import hashlib
import json
import os
import re
import sys
import warnings
from datetime import datetime

import httpx
from llama_cloud import APIError, DefaultHttpxClient, LlamaCloud, NotFoundError
from pydantic import BaseModel, TypeAdapter

# The client calls operations of v1 deprecated, and they are asked all the same.
warnings.simplefilter("ignore", DeprecationWarning)

# What pages of listings have beside the fields of the client's own pages.
ENVELOPE = {"total_size", "limit"}

EXPANSIONS = [
    "text", "markdown", "items", "metadata", "forms", "usage", "text_full", "markdown_full", "raw_parameters", "job_metadata",
    "images_content_metadata", "text_content_metadata", "markdown_content_metadata", "items_content_metadata",
    "metadata_content_metadata", "forms_content_metadata", "raw_words_content_metadata", "xlsx_content_metadata",
    "output_pdf_content_metadata",
]


class Checked:
    """The client, whose answers are compared with what was sent."""

    def __init__(self):
        self.body = None
        transport = DefaultHttpxClient(event_hooks={"response": [self.keep]})
        self.client = LlamaCloud(
            base_url=os.environ["BASE_URL"], api_key=os.environ["KEY"], max_retries=0, http_client=transport
        )

    def keep(self, response):
        self.body = response.read()

    def one(self, answer):
        """Returns an answer, after it was checked against the body that it was made of."""
        typ = list[type(answer[0])] if isinstance(answer, list) and answer else type(answer)
        TypeAdapter(typ).validate_json(self.body, strict=True)
        same(json.loads(self.body), answer, typ.__name__)
        return answer

    def all(self, listing):
        """Returns the items of all pages that the client's own paginator walks."""
        items = []
        for page in listing.iter_pages():
            items += self.one(page)._get_page_items()
        return items


def same(sent, got, path):
    """Fails unless the client has every field that was sent, knows it, and has its value."""
    if isinstance(got, BaseModel):
        unknown = set(got.model_extra or {}) - (ENVELOPE if hasattr(got, "next_page_info") else set())
        assert not unknown, f"{path}: the client does not know {unknown}"
        names = {field.alias or name: name for name, field in type(got).model_fields.items()}
        for key, value in sent.items():
            same(value, getattr(got, names.get(key, key)), f"{path}.{key}")
    elif isinstance(got, datetime):
        assert datetime.fromisoformat(sent) == got, f"{path}: {sent} was sent, the client has {got}"
    elif isinstance(got, dict):
        assert sent.keys() == got.keys(), f"{path}: {sent.keys()} were sent, the client has {got.keys()}"
        for key, value in sent.items():
            same(value, got[key], f"{path}.{key}")
    elif isinstance(got, list):
        assert len(sent) == len(got), f"{path}: {len(sent)} were sent, the client has {len(got)}"
        for i, value in enumerate(sent):
            same(value, got[i], f"{path}[{i}]")
    elif isinstance(got, float):
        # Where the client's model has no whole numbers, large ones lose their last digits.
        assert float(sent) == got, f"{path}: {sent} was sent, the client has {got}"
    else:
        assert sent == got and isinstance(sent, bool) == isinstance(got, bool), f"{path}: {sent!r} was sent, the client has {got!r}"


def digest(data):
    return hashlib.sha256(data).hexdigest()


def download(link):
    response = httpx.get(link)
    response.raise_for_status()
    return digest(response.content)


def row(kind, page, name, sha256, file_id=None, job_id=None):
    print(json.dumps({"file_id": file_id, "job_id": job_id, "kind": kind, "page": page, "name": name, "sha256": sha256}))


def page_number(name):
    """The page, counted from 1, that the name of an attachment or of an image of a parse job tells."""
    counted, embedded = re.search(r"page_(\d+)", name), re.match(r"img_p(\d+)", name)
    return int(counted[1]) if counted else int(embedded[1]) + 1


def read_places(api):
    """Lists what leads to files; returns the directory files and the files of the project."""
    client = api.client
    for project in api.all(client.v2_projects.list(page_size=1)):
        assert any(p.id == project.id for p in api.one(client.projects.list())), project.id
    entries, pipelines = [], client.pipelines
    for directory in api.all(client.beta.directories.list(page_size=1)):
        assert api.one(client.beta.directories.get(directory.id)).to_dict() == directory.to_dict()
        files, query = client.beta.directories.files, {"include_deleted": True, "page_size": 2}
        listed = api.all(files.list(directory.id, **query))
        expanded = api.all(files.list(directory.id, expand=["download_url"], **query))
        assert [e.id for e in listed] == [e.id for e in expanded]
        for entry in listed:
            assert api.one(files.get(entry.id, directory_id=directory.id)).to_dict() == entry.to_dict()
            got = api.one(files.get(entry.id, directory_id=directory.id, expand=["download_url"]))
            assert (got.download_url is None) == (entry.file_id is None)
        entries += listed
    v1 = {p.id for p in api.one(pipelines.list())}
    for pipeline in api.all(pipelines.list_paginated(page_size=1)):
        assert pipeline.id in v1
        api.all(pipelines.files.list(pipeline.id, limit=2))
    for index in api.all(client.indexes.list(page_size=1)):
        api.one(client.indexes.get(index.id, expand=["sync_in_progress"]))
    files = api.all(client.files.list(page_size=2, expand=["download_url"]))
    assert {f.id for f in files} == {e.file_id for e in entries if e.file_id}
    return entries, files


def read_documents(api, files):
    for file in files:
        api.one(api.client.files.retrieve(file.id, expand=["download_url"]))
        try:
            link = api.one(api.client.files.content(file.id, expires_at_seconds=60))
        except NotFoundError:
            continue
        row("document", -1, None, download(link.url), file.id)


def read_images(api, files):
    images = api.client.pipelines.images
    for file in files:
        for shot in api.one(images.list_page_screenshots(file.id)):
            data = images.with_raw_response.get_page_screenshot(shot.page_index, id=file.id).read()
            row("screenshot", shot.page_index, None, digest(data), file.id)
        for figure in api.one(images.list_page_figures(file.id)):
            name, page = figure.figure_name, figure.page_index
            data = images.with_raw_response.get_page_figure(name, id=file.id, page_index=page).read()
            row("figure", page, name, digest(data), file.id)


def read_attachments(api, entries):
    attachments = api.client.beta.attachments
    for entry in entries:
        for listed in api.all(attachments.list(source_id=entry.id, page_size=2)):
            link = api.one(attachments.get(listed.name, source_id=entry.id))
            row("screenshot", page_number(listed.name), listed.name, download(link.url), entry.file_id)


def read_batches(api, entries):
    """Returns which file each job was made of."""
    files, of = {e.id: e.file_id for e in entries}, {}
    for batch in api.all(api.client.batches.list(page_size=1)):
        for result in api.one(api.client.batches.get(batch.id, expand=["results"])).results:
            if result.job_reference:
                of[result.job_reference.id] = files[result.source_directory_file_id]
    return of


def read_jobs(api, file_of):
    for job in api.all(api.client.parsing.list(page_size=2)):
        got = api.one(api.client.parsing.get(job.id, expand=EXPANSIONS))
        for expansion in EXPANSIONS:
            api.one(api.client.parsing.get(job.id, expand=[expansion]))
        for result in (got.result_content_metadata or {}).values():
            size = len(httpx.get(result.presigned_url).content)
            assert size == result.size_bytes, f"{job.id}: a result of {size} bytes is listed as {result.size_bytes}"
        file_id = file_of.get(job.id)
        for image in got.images_content_metadata.images:
            kind = "screenshot" if image.category == "screenshot" else "figure"
            row(kind, page_number(image.filename), image.filename, download(image.presigned_url), file_id, job.id)
        for text, markdown, items in zip(got.text.pages, got.markdown.pages, got.items.pages, strict=True):
            print(json.dumps({
                "file_id": file_id, "job_id": job.id, "page": text.page_number, "text": text.text,
                "markdown": markdown.markdown if markdown.success else None,
                "items": [item.to_dict(mode="json") for item in items.items] if items.success else None,
                "width": items.page_width if items.success else None, "height": items.page_height if items.success else None,
                "error": None if items.success else items.error,
            }))


def read():
    api = Checked()
    entries, files = read_places(api)
    read_documents(api, files)
    read_images(api, files)
    read_attachments(api, entries)
    read_jobs(api, read_batches(api, entries))


def narrow():
    api = Checked()
    client = api.client

    def check(method, field, name, of=lambda value: value):
        everything = api.all(method())
        value = getattr(everything[-1], field)
        want, got = [x.id for x in everything if getattr(x, field) == value], [x.id for x in api.all(method(**{name: of(value)}))]
        assert want == got and len(got) < len(everything), f"{method.__qualname__}({name}={value!r}): {got}, want {want}"

    def one(value):
        return [value]

    check(client.beta.directories.list, "name", "name")
    check(client.beta.directories.list, "type", "types", one)
    check(client.files.list, "name", "file_name")
    check(client.files.list, "id", "file_ids", one)
    check(client.pipelines.list_paginated, "name", "name")
    check(client.v2_projects.list, "name", "name")
    check(client.indexes.list, "source_directory_id", "source_directory_id")
    check(client.batches.list, "source_directory_id", "source_directory_id")
    check(client.batches.list, "status", "status")
    check(client.batches.list, "created_at", "created_at_on_or_after")
    check(client.parsing.list, "status", "status")
    check(client.parsing.list, "created_at", "created_at_on_or_after")
    check(client.parsing.list, "id", "job_ids", one)
    directory = api.all(client.beta.directories.list())[0].id
    for field in ("display_name", "unique_id", "file_id"):
        check(lambda **query: client.beta.directories.files.list(directory, **query), field, field)
    names = [f.name for f in api.all(client.files.list(order_by="name desc"))]
    assert names == sorted(names, reverse=True) and names != sorted(names), names


def change():
    api = Checked()
    directories = api.all(api.client.beta.directories.list())
    files, directory = api.client.beta.directories.files, directories[0].id
    known = next(f for f in api.all(files.list(directory)) if f.file_id)

    added = api.one(files.add(directory, file_id=known.file_id, unique_id="added", metadata={"n": 1.5, "tags": ["x", "y"]}))
    assert [f.to_dict() for f in api.all(files.list(directory, unique_id="added"))] == [added.to_dict()]
    updated = api.one(files.update(added.id, directory_id=directory, display_name="Renamed", metadata={"k": True}))
    assert updated.display_name == "Renamed" and updated.updated_at > added.updated_at
    moved = api.one(files.update(added.id, directory_id=directory, target_directory_id=directories[1].id))
    assert moved.directory_id == directories[1].id
    files.delete(moved.id, directory_id=moved.directory_id)
    assert api.all(files.list(moved.directory_id, unique_id="added")) == []

    data = bytes(i * 7919 % 251 for i in range(70_000))
    uploaded = api.one(files.upload(
        directory, upload_file=("Größe.pdf", data), unique_id="uploaded", external_file_id="ours",
        metadata=json.dumps({"from": "client"}),
    ))
    assert uploaded.display_name == "Größe.pdf" and uploaded.metadata == {"from": "client"}
    assert download(api.one(api.client.files.content(uploaded.file_id)).url) == digest(data)
    assert [f.id for f in api.all(api.client.files.list(external_file_id="ours"))] == [uploaded.file_id]
    files.delete(uploaded.id, directory_id=directory)


def fetch():
    images = Checked().client.pipelines.images.with_raw_response
    for file_id, page in json.load(sys.stdin):
        try:
            print(json.dumps(digest(images.get_page_screenshot(page, id=file_id).read())))
        except (APIError, httpx.HTTPError):
            print("null")


def typed():
    images = Checked().client.pipelines.images
    file = next(f.id for f in Checked().client.files.list() if images.list_page_screenshots(f.id))
    page = images.list_page_screenshots(file)[0].page_index
    got = images.get_page_screenshot(page, id=file)
    data = images.with_raw_response.get_page_screenshot(page, id=file).read()
    print(json.dumps({"type": type(got).__name__, "typed": digest(got.encode()), "bytes": digest(data)}))


{"read": read, "narrow": narrow, "change": change, "fetch": fetch, "typed": typed}[sys.argv[1]]()
