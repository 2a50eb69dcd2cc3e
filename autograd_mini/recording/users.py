"""Which line of the user's is running."""

from __future__ import annotations

from types import FrameType

from autograd_mini.files import is_users


def users_line(frame: FrameType | None) -> tuple[str, int]:
    """The file and line of the innermost frame that runs code of the user's.

    >>> import sys
    >>> users_line(sys._getframe())[1] > 0
    True
    """
    while frame is not None:
        if is_users(frame.f_code.co_filename):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return "", 0
