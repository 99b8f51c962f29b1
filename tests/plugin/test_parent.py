"""The engine ends with the program that started it."""

import signal
import subprocess
import sys
import time

import pytest

CLEAN = """
import sys, time, signal
from geoseg.cli.parent import end_with_parent
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
end_with_parent()
try:
    print("ready", flush=True)
    time.sleep(60)
finally:
    print("tidied", flush=True)
"""
STUCK = """
import subprocess, sys, time, signal
from geoseg.cli.parent import end_with_parent
signal.signal(signal.SIGTERM, signal.SIG_IGN)
end_with_parent()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def started(code):
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


def test_a_closed_standard_input_ends_the_run_cleanly():
    with started(CLEAN) as process:
        assert process.stdout.readline() == "ready\n"
        process.stdin.close()
        assert process.wait(5) == 143
        assert process.stdout.read() == "tidied\n"


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are of POSIX")
def test_a_run_that_cannot_stop_is_ended_with_its_children(lives):
    with started(STUCK) as process:
        child = int(process.stdout.readline())
        began = time.monotonic()
        process.stdin.close()
        assert process.wait(5) in (-signal.SIGKILL, 143)
        assert time.monotonic() - began < 2
    end = time.monotonic() + 2
    while time.monotonic() < end and lives(child):
        time.sleep(0.05)
    assert not lives(child)


def test_nothing_is_watched_unless_asked(tmp_path):
    with_input_closed = subprocess.run(
        [sys.executable, "-m", "geoseg", "qgis", "handshake", "0.1.0"],
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )
    assert with_input_closed.returncode == 0
