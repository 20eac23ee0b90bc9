"""Test that a model has no more threads than its process has cores."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.inference import cores


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the control groups of a machine with eight cores."""
    monkeypatch.setattr(cores, "CGROUPS", tmp_path)
    monkeypatch.setattr(cores, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("quota", "counted"),
    [("max 100000", 8), ("400000 100000", 4), ("150000 100000", 1), ("20000 100000", 1)],
)
def test_the_quota_of_a_service_counts(groups: Path, quota: str, counted: int):
    (groups / "membership").write_text("0::/system.slice/onbook.service\n")
    write(groups / "system.slice", cpu__max=quota)
    write(groups / "system.slice" / "onbook.service", cpu__max="max 100000")
    assert cores.count_cores() == counted
    assert cores.choose_threads() == min(2, counted)


def test_the_quota_of_a_container_counts_whose_group_is_the_root(groups: Path):
    (groups / "membership").write_text("0::/\n")
    write(groups, cpu__max="100000 100000")
    assert cores.count_cores() == 1


def test_the_quota_of_a_group_of_version_1_counts(groups: Path):
    (groups / "membership").write_text("4:memory:/\n3:cpu,cpuacct:/docker/1a2b\n0::/\n")
    write(groups / "cpu", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    assert cores.count_cores() == 8
    write(groups / "cpu", cpu__cfs_quota_us="300000")
    assert cores.count_cores() == 3


def test_the_affinity_counts(groups: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5}, raising=False)
    assert cores.count_cores() == 1
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores.count_cores() == 1
