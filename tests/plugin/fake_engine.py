"""An engine that misbehaves on purpose: it takes geoseg's command line, and FAKE_MODE its manners.

Arguments are appended to FAKE_LOG as a line of JSON, with the process number and the environment.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from geoseg.cli.parent import end_with_parent

SLEEPER = [sys.executable, "-c", "import time; time.sleep(300)"]


def main(words):
    """Answer the handshake, or do the command as FAKE_MODE says."""
    words = words[words.index("geoseg") + 1:] if "geoseg" in words else words
    mode = os.environ.get("FAKE_MODE", "good")
    if words[:2] == ["qgis", "handshake"]:
        return handshake(mode)
    if words[0] == "--until-eof":
        words = words[1:]
        if mode != "deaf":
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        end_with_parent() if mode not in ("deaf",) else os.setpgid(0, 0)
    note(words)
    if words[0] in ("doctor", "model", "evaluate"):
        return answer(words) if mode != "refuse" else no_model(words)
    return work(words, mode)


def note(words, **more):
    """Keep what was asked."""
    entry = {"words": words, "pid": os.getpid(), "environment": dict(os.environ)}
    with open(os.environ["FAKE_LOG"], "a", encoding="utf-8") as file:
        file.write(json.dumps({**entry, "folder": os.getcwd(), **more}) + "\n")


def handshake(mode):
    """Say a version, or behave like an engine that is too old, too new or hung."""
    if mode == "old":
        print("Usage: geoseg [OPTIONS]\nError: No such command 'qgis'.", file=sys.stderr)
        return 2
    version = "9.9.0" if mode == "new" else "0.1.7"
    advice = "type this" if mode == "unfit" else ""
    print(json.dumps({"version": version, "fits": not advice, "advice": advice, "models": []}))
    return 0


def answer(words):
    """Answer the quick commands."""
    if words[0] == "doctor":
        print(json.dumps([{"name": "device", "ok": True, "text": "cpu"},
                          {"name": "disk", "ok": False, "text": "full"}]))
        return 1
    if words[0] == "evaluate":
        print(json.dumps({"parcel_f1": 0.5, "parcel_precision": 1.0, "pixel_iou": None}))
        return 0
    print(json.dumps({"name": "fake"}) if "--json" in words else "model      fake")
    return 0


def no_model(words):
    """Refuse as a quick command does."""
    print("geoseg: no model 'nope'; there are: fake", file=sys.stderr)
    return 2


def work(words, mode):
    """Do a long command."""
    say(event="plan", width=64, height=64, tiles=4, device="cpu", memory_bytes=1 << 20,
        disk_bytes=1 << 20)
    if mode in MANNERS:
        return MANNERS[mode](words)
    for step in range(11):
        say(event="progress", stage="predict", done=step, total=10)
    return publish(words)


def publish(words):
    """Put the prepared parcels, mask or model where they were asked for."""
    out = Path(words[-1] if words[0] == "train" else words[2])
    if words[0] == "train":
        out = next(Path(word) for word in words if word.endswith(".safetensors"))
        out.write_bytes(b"model")
    else:
        shutil.copyfile(os.environ["FAKE_MASK" if words[0] == "predict" else "FAKE_PARCELS"], out)
    if "--lines" in words:
        shutil.copyfile(os.environ["FAKE_LINES"], words[words.index("--lines") + 1])
    if "--mask" in words:
        shutil.copyfile(os.environ["FAKE_MASK"], words[words.index("--mask") + 1])
    say(event="result", path=str(out), parcels=3, steps=7, parcel_f1=0.75)
    return 0


def slow(words):
    """Be in the middle of a long run, with half an output, until told to end."""
    half = partial(words)
    try:
        for step in range(3000):
            say(event="progress", stage="predict", done=step, total=3000)
            time.sleep(0.1)
    finally:
        half.unlink()
    return 0


def deaf(words):
    """Ignore the end of standard input and SIGTERM, and have a child that does so too."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(SLEEPER)
    note(["child"], pid=child.pid)
    partial(words)
    say(event="progress", stage="predict", done=1, total=2)
    child.wait()


def busy(words):
    """Sit in one call that no signal interrupts, as a network does."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    partial(words)
    say(event="progress", stage="predict", done=1, total=2)
    time.sleep(300)


def partial(words):
    """Leave half a mask and a work folder, as the engine names them."""
    mask = Path(words[words.index("--mask") + 1] if "--mask" in words else words[2])
    mask.with_name(f".{mask.name}.geoseg-work").mkdir()
    half = mask.with_name(f".{mask.stem}.partial{mask.suffix}")
    half.write_bytes(b"half")
    return half


def noisy(words):
    """Flood standard error with lines, bytes that are no text, and one endless line."""
    stream = sys.stderr.buffer
    stream.write(b"\xff\xfe not utf-8 \xe9\n{\"event\": broken\n{\"event\": 5}\n[1]\n")
    stream.write(b"x" * 3_000_000 + b"\n")
    for number in range(50_000):
        stream.write(b"line %d\n" % number)
    stream.flush()
    sys.stdout.write("noise\n" * 50_000)
    sys.stdout.flush()
    return publish(words)


def refuse(words):
    """Refuse as geoseg does: one error event, and a code."""
    say(event="warning", message="the scene is dark")
    say(event="error", message="raster has 3 bands, the model wants 4; choose them with --bands",
        code=4)
    return 4


def explode(words):
    """End by a bug."""
    raise ValueError("a bug of the engine")


def die(words):
    """End as the system's memory guard ends a process."""
    os.kill(os.getpid(), signal.SIGKILL)


def keep_area(words):
    """Keep the area of interest for the test to read."""
    area = words[words.index("--aoi") + 1]
    shutil.copyfile(area, Path(os.environ["FAKE_LOG"]).with_name("area.gpkg"))
    return publish(words)


def forget(words):
    """End well without a result."""
    return 0


def say(**event):
    """Write an event."""
    sys.stderr.write(json.dumps(event) + "\n")
    sys.stderr.flush()


MANNERS = {
    "slow": slow, "deaf": deaf, "busy": busy, "noisy": noisy, "refuse": refuse,
    "explode": explode, "keep aoi": keep_area, "die": die, "forget": forget,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
