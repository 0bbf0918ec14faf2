"""Any verifier on the traps: python -m tests.traps [--network COMMAND] [--certificate COMMAND]

Each file of tests/traps/files is given to a command as its last argument, behind the options that
answers.json names. Its exit status is compared with what is right: 0 explained or accepted, 1 not,
2 refused.

Exit status: 0 every answer is right, 1 one is not, 2 usage.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from tests.traps.build import ANSWERS, FILES

__all__ = ["main"]

WORDS = {0: "right", 1: "not right", 2: "refused"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the commands, print a line for each trap; the exit status."""
    assert __doc__
    first, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser("python -m tests.traps", description=first, epilog=rest)
    python = shlex.quote(sys.executable)
    for kind in ("network", "certificate"):
        command = f"{python} -m verify.{kind}"
        parser.add_argument(f"--{kind}", metavar="COMMAND", default=command, help="default: ours")
    commands = vars(parser.parse_args(arguments))
    failed = 0
    for name, trap in json.loads(ANSWERS.read_text("utf-8")).items():
        status = _status(commands, trap)
        good = status == trap["status"]
        failed += not good
        said = WORDS.get(status, f"status {status}")
        print(f"{'ok   ' if good else 'WRONG'}  {name:26}  {said:9}  {trap['why']}", flush=True)
    return 1 if failed else 0


def _status(commands: dict[str, str], trap: dict[str, Any]) -> int:
    kind = "certificate" if trap["file"].endswith(".json") else "network"
    words = [*shlex.split(commands[kind]), *trap["options"], str(FILES / trap["file"])]
    return subprocess.run(words, capture_output=True, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
