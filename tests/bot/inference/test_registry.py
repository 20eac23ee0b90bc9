"""Test files that come, change and go while the voices of others write."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock
from weakref import ref

import pytest

from bot.errors import EngineClosed, ModelError
from bot.inference import model
from bot.inference.model import Model
from bot.inference.registry import ModelRegistry
from bot.inference.sandbox import ModelSandbox

from .test_engine import a_line, endless, same, soon


@pytest.fixture
def folder(voices: Path, tmp_path: Path) -> Path:
    """Return a folder of the test's own, with ``tiny``; ``spare`` lies outside."""
    made = tmp_path / "models"
    made.mkdir()
    shutil.copy(voices / "tiny.onnx", made / "tiny.onnx")
    shutil.copy(voices / "other.onnx", tmp_path / "spare")
    return made


@pytest.fixture
def here(folder: Path) -> Iterator[ModelRegistry]:
    found = ModelRegistry(folder, threads=1, rows=8, queue=8)
    yield found
    found.close()


def put(content: Path, path: Path) -> None:
    """Put a file in the place of another, whole, as an export does."""
    part = path.with_suffix(".part")
    shutil.copy(content, part)
    part.replace(path)


def threads() -> int:
    return sum(one.name.startswith("onbook-engine") for one in threading.enumerate())


async def renewed(here: ModelRegistry) -> None:
    """Wait until the changed files have been checked."""
    await asyncio.gather(*here._renewing.values())


async def test_a_new_file_is_a_voice_without_a_restart(
    here: ModelRegistry, folder: Path, tmp_path: Path
):
    assert [one.name for one in await here.examine_all()] == ["tiny"]
    put(tmp_path / "spare", folder / "new.onnx")
    assert [one.name for one in await here.examine_all()] == ["new", "tiny"]
    assert (await here.engine("new")).model.name == "new"


async def test_a_changed_file_takes_over_and_nobody_waits_for_it(
    here: ModelRegistry, folder: Path, tmp_path: Path
):
    before = await here.engine("tiny")
    put(tmp_path / "spare", folder / "tiny.onnx")
    assert await here.engine("tiny") is before
    await renewed(here)
    after = await here.engine("tiny")
    assert after.model.fingerprint == Model.load(tmp_path / "spare").fingerprint
    assert after.model.fingerprint != before.model.fingerprint


async def test_lines_in_hand_finish_with_the_voice_they_began_with(
    here: ModelRegistry, folder: Path, tmp_path: Path
):
    before = await here.engine("tiny")
    model = before.model
    alone = await before.run(a_line(model, 7))
    long = asyncio.create_task(before.run(endless(model)))
    await asyncio.sleep(0)
    put(tmp_path / "spare", folder / "tiny.onnx")
    await here.look("tiny")
    after = await here.engine("tiny")
    # A turn that has begun goes on with the old voice.
    assert same(await before.run(a_line(model, 7)), alone)
    assert (await after.run(a_line(after.model, 7))).written
    assert not long.done()
    long.cancel()


async def test_a_replaced_voice_ends_when_nobody_has_it_any_more(
    here: ModelRegistry, folder: Path, tmp_path: Path
):
    engine = await here.engine("tiny")
    network = ref(engine.model.session)
    put(tmp_path / "spare", folder / "tiny.onnx")
    await here.look("tiny")
    assert threads() == 2
    running = asyncio.create_task(engine.run(endless(engine.model)))
    await asyncio.sleep(0)
    del engine
    gc.collect()
    assert threads() == 2  # one thread writes a line
    running.cancel()
    await asyncio.wait([running])
    del running

    async def gone() -> None:
        while threads() > 1 or network() is not None:
            gc.collect()
            await asyncio.sleep(0.01)

    await soon(gone())


async def test_closing_ends_the_voices_that_were_replaced(
    here: ModelRegistry, folder: Path, tmp_path: Path
):
    before = await here.engine("tiny")
    put(tmp_path / "spare", folder / "tiny.onnx")
    await here.look("tiny")
    running = asyncio.create_task(before.run(endless(before.model)))
    await asyncio.sleep(0)
    here.close()
    with pytest.raises(EngineClosed):
        await running
    assert threads() == 0


async def test_a_bad_file_is_refused_and_the_old_voice_goes_on(
    here: ModelRegistry, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    before = await here.engine("tiny")
    good = (folder / "tiny.onnx").read_bytes()
    (tmp_path / "bad").write_bytes(good[:-100])
    put(tmp_path / "bad", folder / "tiny.onnx")
    assert "tiny.onnx is damaged" in str((await here.look("tiny")).refusal)
    assert await here.engine("tiny") is before
    assert caplog.text.count("tiny.onnx is damaged") == 1
    # A new user of the bad file gets its refusal, without another examination.
    another = ModelRegistry(folder, threads=1, rows=8, queue=8)
    for _ in range(2):
        with pytest.raises(ModelError, match="is damaged"):
            await another.engine("tiny")
    # The mended file is used.
    (folder / "tiny.onnx").write_bytes(good)
    assert (await here.look("tiny")).refusal is None
    assert await here.engine("tiny") is before
    assert (await another.engine("tiny")).model.fingerprint == before.model.fingerprint
    another.close()


async def test_a_file_that_only_was_touched_is_not_opened_again(here: ModelRegistry, folder: Path):
    before = await here.engine("tiny")
    os.utime(folder / "tiny.onnx", ns=(1, 1))
    await here.engine("tiny")
    await renewed(here)
    assert await here.engine("tiny") is before


async def test_a_file_that_could_not_be_examined_is_tried_again_but_not_at_once(
    here: ModelRegistry, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ModelSandbox, "_examined", {})
    fails = "crashed, hung or ran out of memory"
    with monkeypatch.context() as without_python:
        without_python.setattr(sys, "executable", "/nothing/there")
        with pytest.raises(ModelError, match=fails):
            await here.engine("tiny")
    with pytest.raises(ModelError, match=fails):
        await here.engine("tiny")
    here._found["tiny"] = replace(here._found["tiny"], until=time.monotonic())  # pause over
    assert (await here.engine("tiny")).model.name == "tiny"


async def test_a_sound_file_that_lacks_memory_is_not_called_damaged(
    here: ModelRegistry, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as without_memory:
        without_memory.setattr(
            model.onnxruntime, "InferenceSession", Mock(side_effect=MemoryError("std::bad_alloc"))
        )
        with pytest.raises(ModelError, match=r"tiny\.onnx was not loaded, because memory"):
            await here.engine("tiny")
    here._found["tiny"] = replace(here._found["tiny"], until=time.monotonic())  # pause over
    assert (await here.engine("tiny")).model.name == "tiny"


async def test_a_file_of_the_same_size_and_time_is_seen_to_have_changed(
    here: ModelRegistry, folder: Path
):
    path = folder / "tiny.onnx"
    before, content = path.stat(), bytearray(path.read_bytes())
    assert (await here.look("tiny")).refusal is None
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (await here.look("tiny")).refusal is not None


async def test_a_file_that_is_mended_while_others_wait_for_it_is_used(
    here: ModelRegistry, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ModelSandbox, "_examined", {})
    (folder / "tiny.onnx").write_bytes((tmp_path / "spare").read_bytes()[:-100])
    first = asyncio.create_task(here.engine("tiny"))
    while not here._examiner._children:  # noqa: ASYNC110 - nothing tells that the child has read the file
        await asyncio.sleep(0.01)
    second = asyncio.create_task(here.look("tiny"))
    put(tmp_path / "spare", folder / "tiny.onnx")
    assert (await second).refusal is None
    assert (await first).model.name == "tiny"


async def test_without_a_voice_that_opens_each_case_is_one_sentence(
    here: ModelRegistry, folder: Path
):
    (folder / "tiny.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match=r"^tiny\.onnx is damaged"):
        await here.engine("tiny")
    (folder / "tiny.onnx").unlink()
    with pytest.raises(ModelError, match=r"^There is no voice “tiny” .* Put one there"):
        await here.engine("tiny")


async def test_a_voice_whose_file_has_gone_goes_on_until_the_end(here: ModelRegistry, folder: Path):
    before = await here.engine("tiny")
    (folder / "tiny.onnx").unlink()
    assert await here.engine("tiny") is before
    with pytest.raises(ModelError, match="There is no voice “tiny”"):
        await here.look("tiny")


@pytest.mark.parametrize("name", ["nobody", "../models/tiny", "", "/etc/passwd"])
async def test_a_name_is_one_of_those_that_are_there(here: ModelRegistry, name: str):
    for ask in (here.engine, here.look):
        with pytest.raises(ModelError, match="Choose from tiny"):
            await ask(name)
