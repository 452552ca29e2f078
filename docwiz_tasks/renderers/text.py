"""Text on its way into HTML: escaped, and in fonts that have its characters."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from docwiz_tasks.errors import RenderFailed, SettingsError
from docwiz_tasks.typography import FONTS

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["Setter"]

_LONG_WORD = 40


class Setter:
    """Escape a text and set what the report's own font lacks in the fallback font.

    Args:
        fallback: the path of a TrueType font, if there is one.
    """

    def __init__(self, fallback: str | None) -> None:
        self._fallback = fallback

    def __call__(self, text: str) -> Markup:
        """Return the text as HTML.

        Raises:
            RenderFailed: neither font has one of its characters.
        """
        from markupsafe import Markup, escape

        runs = []
        for own, characters in groupby(_printable(text), key=_in_own_font):
            run = escape("".join(characters))
            runs.append(run if own else Markup('<span class="other">{}</span>').format(run))
            if not own:
                self._check(str(run))
        return Markup("").join(runs)

    def _check(self, run: str) -> None:
        has = _characters(Path(self._fallback)) if self._fallback else frozenset()
        if not {ord(character) for character in run} <= has:
            raise RenderFailed(
                "The report has characters that no font here has: set DOCWIZ_FONT_PATH to a"
                " TrueType font of their script."
            )


def _printable(text: str) -> str:
    """Return the text without control characters, and with room to break in long words."""
    kept = "".join(
        character if character == "\n" or unicodedata.category(character)[0] != "C" else " "
        for character in unicodedata.normalize("NFC", text)
    )
    return " ".join(_broken(word) for word in kept.split(" "))


def _broken(word: str) -> str:
    if len(word) <= _LONG_WORD:
        return word
    return " ".join(word[at : at + _LONG_WORD] for at in range(0, len(word), _LONG_WORD))


def _in_own_font(character: str) -> bool:
    return character.isspace() or ord(character) in _characters(FONTS / "DejaVuSans.ttf")


@lru_cache(maxsize=4)
def _characters(font: Path) -> frozenset[int]:
    from reportlab.pdfbase.ttfonts import TTFError, TTFontFile

    try:
        return frozenset(TTFontFile(str(font)).charToGlyph)
    except (TTFError, OSError):
        raise SettingsError("DOCWIZ_FONT_PATH must be a TrueType font that can be read.") from None
