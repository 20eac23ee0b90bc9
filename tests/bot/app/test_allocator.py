"""Test that memory which is freed goes back to the system."""

import platform
import subprocess
import sys

import pytest

from tests.fake_discord.processes import ROOT

PROGRAM = """
import ctypes, sys
from bot.app.allocator import limit_allocator

class Usage(ctypes.Structure):
    _fields_ = [(f"field_{number}", ctypes.c_int) for number in range(10)]

if sys.argv[1] == "limited":
    limit_allocator()
mallinfo = ctypes.CDLL(None).mallinfo
mallinfo.restype = Usage
large = bytearray(2**24)  # as when a voice is opened
del large
before = mallinfo().field_3
kept = bytearray(2**20)
print(mallinfo().field_3 - before)
"""
"""Prints how many blocks of pages of its own an array takes, after a larger one was freed."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_a_large_array_has_pages_of_its_own_although_a_larger_one_was_freed():
    def run(how: str) -> int:
        command = [sys.executable, "-c", PROGRAM, how]
        return int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)

    assert (run("limited"), run("as before")) == (1, 0)
