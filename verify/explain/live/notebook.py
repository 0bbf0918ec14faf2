"""An explained network inside a notebook: the page's body, with styles that reach nothing else.

All colours are mixed from the notebook's own: it is dark where the notebook is.
"""

from __future__ import annotations

import json
import zlib

from verify.explain.page import body, head
from verify.explain.text import replay_in_words
from verify.explain.value import Explanation, ImageExplanation, SignalExplanation, document
from verify.report.render import render

__all__ = ["embedded"]


def embedded(explanation: Explanation) -> str:
    """HTML without a script; its anchors are those of this explanation alone."""
    assert isinstance(explanation, SignalExplanation | ImageExplanation)
    key = zlib.crc32(json.dumps([document(explanation), str(explanation.replay)]).encode())
    replay = explanation.replay and replay_in_words(explanation.replay)
    return render(
        "notebook.html",
        head=head(explanation),
        body=body(explanation, f"explained-{key:08x}-", 3),
        replay=replay,
    )
