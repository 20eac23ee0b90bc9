"""Test the program that takes the pictures, as far as that is possible without a browser."""

import subprocess
import sys


def test_help_names_the_packages_before_they_are_installed():
    code = (
        "import sys, runpy\n"
        "sys.argv = ['tour', '--help']\n"
        "sys.modules.update(playwright=None, pypdfium2=None)\n"
        "runpy.run_module('tests.tools.tour', run_name='__main__')"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pypdfium2" in shown.stdout
