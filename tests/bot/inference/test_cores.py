"""Test that a model has no more threads than its process has cores."""

import os
from pathlib import Path

import pytest

from bot.inference import cores

SERVICE = "0::/system.slice/onbook.service"
VERSION_1 = "4:memory:/\n3:cpu,cpuacct:/docker/1a2b\n0::/"


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the control groups of a machine with eight cores."""
    monkeypatch.setattr(cores, "CGROUPS", tmp_path)
    monkeypatch.setattr(cores, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("membership", "files", "counted"),
    [
        (SERVICE, {"system.slice/cpu.max": "max 100000"}, 8),
        (SERVICE, {"system.slice/cpu.max": "400000 100000"}, 4),
        (SERVICE, {"system.slice/onbook.service/cpu.max": "150000 100000"}, 1),
        (SERVICE, {"system.slice/onbook.service/cpu.max": "20000 100000"}, 1),
        # The group of a container is the root.
        ("0::/", {"cpu.max": "100000 100000"}, 1),
        (VERSION_1, {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        (VERSION_1, {"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
    ],
)
def test_the_quota_of_a_control_group_counts(
    groups: Path, membership: str, files: dict[str, str], counted: int
):
    for name, content in {"membership": membership, **files}.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(f"{content}\n")
    assert cores.count_cores() == counted
    assert cores.choose_threads() == min(2, counted)


def test_the_affinity_counts(groups: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5}, raising=False)
    assert cores.count_cores() == 1
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores.count_cores() == 1
