import os
import signal
import subprocess
import sys
import time

import pytest

from geoseg.run.progress import silent, stage
from geoseg.run.stop import Stopped, stopping_on_signals

LONG = """
import sys, time
from geoseg.run.stop import stopping_on_signals
with stopping_on_signals():
    try:
        print("ready", flush=True)
        time.sleep(30)
    finally:
        {cleaning}
"""
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def start(cleaning):
    code = LONG.format(cleaning=cleaning)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_with_the_shell_s_code(number, code):
    with pytest.raises(Stopped, match=f"stopped by {number.name}") as stopped:
        with stopping_on_signals():
            os.kill(os.getpid(), number)
            time.sleep(5)
    assert stopped.value.exit_code == code


def test_a_stop_that_was_lost_in_a_callback_comes_at_the_next_step():
    with stopping_on_signals():
        step = stage(silent, "work", 3)
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        except Stopped:
            pass  # as a library does that cannot pass exceptions on
        with pytest.raises(Stopped):
            step()


def test_handlers_are_as_before_afterwards():
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    with stopping_on_signals():
        pass
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
    stage(silent, "work", 1)()


def test_an_ignored_signal_stays_ignored():
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stopping_on_signals():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
    finally:
        signal.signal(signal.SIGINT, old)


def test_the_second_signal_ends_at_once_whatever_the_process_does():
    process = start("time.sleep(30)")
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(2) == 143


def test_a_stop_that_a_library_turned_into_another_error_is_a_stop():
    with pytest.raises(Stopped), stopping_on_signals():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        except Stopped:
            raise ValueError("could not determine the shape") from None
