"""$ geoseg doctor"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from geoseg.cli import options


@click.command(short_help="Versions, devices, and what to mend.")
@options.as_json
def doctor(as_json: bool) -> None:
    """Look at this installation and say what is missing and how to mend it."""
    from geoseg.tools.doctor import doctor as run

    checks = run()
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks]))
    else:
        for check in checks:
            click.echo(f"{'ok  ' if check.ok else 'MEND'} {check.name:12} {check.text}")
    if not all(check.ok for check in checks):
        sys.exit(1)
