"""Test files that come, change and go while the voices of others write."""

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
from bot.inference import model, sandbox
from bot.inference.batch import Batch
from bot.inference.model import Model
from bot.inference.registry import ModelRegistry
from tests.bot.voice_files import replace_file

from .requests import are_same, make_endless_request, make_request


@pytest.fixture
def spare(voices: Path) -> Path:
    """Return the file of another voice."""
    return voices / "other.onnx"


@pytest.fixture
def registry(voices: Path, tmp_path: Path) -> Iterator[ModelRegistry]:
    """Yield a registry with ``tiny`` in a folder of its own."""
    shutil.copy(voices / "tiny.onnx", tmp_path)
    found = ModelRegistry(tmp_path, threads=1, rows=8)
    yield found
    found.close()


def count_threads() -> int:
    return sum(thread.name.startswith("onbook-engine") for thread in threading.enumerate())


async def test_a_changed_file_takes_over_in_the_background(registry: ModelRegistry, spare: Path):
    before = await registry.engine("tiny")
    os.utime(registry.folder / "tiny.onnx", ns=(1, 1))
    await registry.engine("tiny")
    await asyncio.gather(*registry._renewing.values())
    assert await registry.engine("tiny") is before  # because only its time has changed
    replace_file(registry.folder / "tiny.onnx", spare)
    assert await registry.engine("tiny") is before
    await asyncio.gather(*registry._renewing.values())
    after = await registry.engine("tiny")
    assert after.model.fingerprint == Model.load(spare).fingerprint != before.model.fingerprint


async def test_current_lines_go_on_with_the_voice_that_was_replaced(
    registry: ModelRegistry, spare: Path
):
    before = await registry.engine("tiny")
    request = make_request(before.model, 7)
    alone = await before.run(request)
    endless = before.run(make_endless_request(before.model))
    replace_file(registry.folder / "tiny.onnx", spare)
    await registry.look("tiny")
    after = await registry.engine("tiny")
    assert are_same(await before.run(request), alone)
    assert (await after.run(make_request(after.model, 7))).written
    assert not endless.done()
    registry.close()
    with pytest.raises(EngineClosed):
        await endless
    assert count_threads() == 0


async def test_a_replaced_voice_is_freed_with_its_last_line(registry: ModelRegistry, spare: Path):
    engine = await registry.engine("tiny")
    network = ref(engine.model.session)
    replace_file(registry.folder / "tiny.onnx", spare)
    await registry.look("tiny")
    running = engine.run(make_endless_request(engine.model))
    del engine
    gc.collect()
    assert count_threads() == 2
    running.cancel()
    await asyncio.wait([running])
    del running
    while count_threads() > 1 or network() is not None:
        gc.collect()
        await asyncio.sleep(0.01)


async def test_a_bad_file_is_refused_and_the_old_voice_goes_on(
    registry: ModelRegistry, caplog: pytest.LogCaptureFixture
):
    path = registry.folder / "tiny.onnx"
    before = await registry.engine("tiny")
    good = path.read_bytes()
    path.write_bytes(b"damaged")
    assert "tiny.onnx is damaged" in str((await registry.look("tiny")).refusal)
    assert await registry.engine("tiny") is before
    assert caplog.text.count("tiny.onnx is damaged") == 1
    # A new user of the bad file gets its refusal, without another examination.
    another = ModelRegistry(registry.folder, threads=1, rows=8)
    for _ in range(2):
        with pytest.raises(ModelError, match=r"^tiny\.onnx is damaged"):
            await another.engine("tiny")
    # The mended file is used.
    path.write_bytes(good)
    assert (await registry.look("tiny")).refusal is None
    assert await registry.engine("tiny") is before
    assert (await another.engine("tiny")).model.fingerprint == before.model.fingerprint
    another.close()


async def use_after_the_pause(registry: ModelRegistry) -> None:
    """Expire the refusal of ``tiny``, and check that the voice is used then."""
    registry._found["tiny"] = replace(registry._found["tiny"], until=time.monotonic())
    assert (await registry.engine("tiny")).model.name == "tiny"


async def test_a_file_that_could_not_be_examined_is_tried_again_after_a_pause(
    registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sandbox, "load_sound_files", set)
    fails = "crashed, hung or ran out of memory"
    with monkeypatch.context() as without_python:
        without_python.setattr(sys, "executable", "/nothing/there")
        with pytest.raises(ModelError, match=fails):
            await registry.engine("tiny")
    with pytest.raises(ModelError, match=fails):
        await registry.engine("tiny")
    await use_after_the_pause(registry)


async def test_a_sound_file_that_lacks_memory_is_not_called_damaged(
    registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as without_memory:
        without_memory.setattr(
            model.onnxruntime, "InferenceSession", Mock(side_effect=MemoryError("std::bad_alloc"))
        )
        with pytest.raises(ModelError, match=r"tiny\.onnx was not loaded, because memory"):
            await registry.engine("tiny")
    await use_after_the_pause(registry)


async def test_a_changed_file_of_the_same_size_and_time_is_examined(registry: ModelRegistry):
    path = registry.folder / "tiny.onnx"
    before, content = path.stat(), bytearray(path.read_bytes())
    assert (await registry.look("tiny")).refusal is None
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (await registry.look("tiny")).refusal is not None


async def test_a_file_that_is_mended_while_others_wait_for_it_is_used(
    registry: ModelRegistry, spare: Path
):
    (registry.folder / "tiny.onnx").write_bytes(b"not examined before")
    first = asyncio.create_task(registry.engine("tiny"))
    while not registry._sandbox._children:  # noqa: ASYNC110 - nothing tells that the child has read the file
        await asyncio.sleep(0.01)
    second = asyncio.create_task(registry.look("tiny"))
    replace_file(registry.folder / "tiny.onnx", spare)
    assert (await second).refusal is None
    assert (await first).model.name == "tiny"


async def test_an_engine_that_has_failed_is_replaced(
    registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
):
    before = await registry.engine("tiny")
    with monkeypatch.context() as broken:
        # The thread ends when it removes the finished line.
        broken.setattr(Batch, "remove", Mock(side_effect=RuntimeError("the batch is broken")))
        with pytest.raises(EngineClosed):
            await before.run(make_request(before.model, 7))
    assert not registry.works("tiny")
    first, second = await asyncio.gather(registry.engine("tiny"), registry.engine("tiny"))
    assert first is second is not before
    assert (await first.run(make_request(first.model, 7))).written


async def test_a_voice_outlives_its_file(registry: ModelRegistry):
    before = await registry.engine("tiny")
    (registry.folder / "tiny.onnx").unlink()
    assert await registry.engine("tiny") is before
    with pytest.raises(ModelError, match=r"^The folder ONBOOK_MODELS has neither “tiny” nor"):
        await registry.look("tiny")


@pytest.mark.parametrize("name", ["nobody", "../models/tiny", "", "/etc/passwd"])
async def test_an_unknown_name_is_refused(registry: ModelRegistry, name: str):
    for ask in (registry.engine, registry.look):
        with pytest.raises(ModelError, match="Choose from tiny"):
            await ask(name)


def test_threads_follow_the_cores_of_the_process(
    registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.inference.registry.choose_threads", lambda: 3)
    assert ModelRegistry(registry.folder, None, rows=8).threads == 3
