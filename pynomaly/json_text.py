"""Reading JSON from bytes that anybody may have written."""

from __future__ import annotations

from typing import Final

import msgspec

NO_JSON: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding bytes raises that are not the JSON that was asked for: msgspec tells of text that is not UTF-8 by
Python's own error, and of too deep a nesting, too."""
