"""Write the interactive page: python -m verify.explore

One HTML file that opens from a disk, asks for nothing on a network, and answers while you drag a
weight. Its formulas are printed from those that the proofs are about. Building it takes some 15
seconds.

Exit status: 0 written, 2 usage or a file that cannot be written, 3 the machine failed, 130
interrupted.
"""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from theory.parser import Parser
from theory.process import run
from verify.models.files import probe, put, reason
from verify.report.arguments import command_parser, importing, named, whole, working

__all__ = ["main"]

PROGRAM = "python -m verify.explore"


def _parser(program: str) -> Parser:
    assert __doc__
    parser = command_parser(program, __doc__)
    add = parser.add_argument
    add(
        "--out",
        type=named("file"),
        default=Path("explorer.html"),
        metavar="FILE",
        help="default: %(default)s; written over",
    )
    add("--open", action="store_true", help="and show it in the browser")
    add(
        "--serve",
        action="store_true",
        help="write no file: answer on the loopback address, where typed activations are decided",
    )
    add("--port", type=whole(0, 65535), default=0, help="of --serve; by default one that is free")
    return parser


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """The command line; returns the exit status, or raises SystemExit as argparse does."""
    parser = _parser(program)
    options = parser.parse_args(arguments)
    if options.serve:
        return _serve(parser, options.port, show=options.open)
    try:
        probe(options.out.parent, [options.out.name])
        with working("printing the laws, some 15 s"):
            put(options.out, _page().encode())
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return 130
    except NotADirectoryError as error:
        parser.error(f"cannot write to {options.out.parent}: {reason(error)}")
    except OSError as error:
        parser.error(f"cannot write {options.out}: {reason(error)}")
    print(options.out)
    if options.open and not webbrowser.open(options.out.resolve().as_uri()):
        parser.error(f"no browser was found; open {options.out} in one")
    return 0


def _serve(parser: Parser, port: int, *, show: bool) -> int:
    """Answer until it is interrupted."""
    try:
        with importing():
            from verify.explorer.server import Server
        with Server(port) as server:
            with working("printing the laws, some 15 s"):
                server.page = _page(served=True).encode()
            print(server.address, flush=True)
            if show and not webbrowser.open(server.address):
                print(f"{PROGRAM}: no browser was found; open the address in one", file=sys.stderr)
            server.serve_forever()
    except KeyboardInterrupt:
        pass
    except OSError as error:
        parser.error(f"cannot answer on port {port}: {reason(error)}")
    return 0


def _page(*, served: bool = False) -> str:
    with importing():
        from verify.explorer.page import html
    return html(served=served)


if __name__ == "__main__":
    sys.exit(run(PROGRAM, main))
