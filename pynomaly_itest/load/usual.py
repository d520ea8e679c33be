"""The answer that a server keeps giving: parsed like any other until it has come twice, then known by its bytes.

Parsing is a pure function of the bytes and of where the message before ended. So an answer that is to the byte one that
was parsed before, and that is exactly one message, need not be parsed again; comparing costs a fiftieth.
"""

from __future__ import annotations

import httptools

from pynomaly_itest.load.server_timing import server_ms


class UsualAnswer:
    """What the connections of a worker have seen; `answer` is b"" until there is one."""

    def __init__(self) -> None:
        self.answer = b""
        self._last = b""

    def saw(self, data: bytes) -> None:
        """A plain success came in one piece: the second time in a row, it is the usual one.

        One with a Server-Timing never is, since that has to be read.
        """
        if data == self._last and server_ms(data) is None and is_one_answer(data):
            self.answer = data
        self._last = data


class _Counter:
    """Counts the answers that are complete."""

    def __init__(self) -> None:
        self.complete = 0

    def on_message_complete(self) -> None:
        self.complete += 1


def is_one_answer(data: bytes) -> bool:
    """Whether these bytes are one whole HTTP answer and nothing more: then the same again makes two."""
    counter = _Counter()
    parser = httptools.HttpResponseParser(counter)
    try:
        parser.feed_data(data)
        once = counter.complete
        parser.feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return False
    return (once, counter.complete) == (1, 2)
