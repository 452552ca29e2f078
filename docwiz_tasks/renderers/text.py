"""Text on its way into HTML: clean, escaped, and in fonts that have its characters."""

from __future__ import annotations

import unicodedata
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from docwiz_tasks.errors import RenderFailed
from docwiz_tasks.typography import FONTS
from docwiz_tasks.typography.coverage import characters_of

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["Setter", "clean"]

_REPLACEMENT = "\ufffd"
# Persian and other names are spelled with these two, unlike with the other format characters.
_JOINERS = "\u200c\u200d"
_OWN, _REGULAR_ONLY, _FALLBACK = range(3)
_CLASSES = {_REGULAR_ONLY: "regular", _FALLBACK: "fallback"}


def clean(text: str) -> str:
    """Return a text without what can't be printed.

    Control characters become spaces, lone surrogates and private characters the
    replacement character; marks that turn the direction of what follows go.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_cleaned, unicodedata.normalize("NFC", text)))


class Setter:
    """Escape texts and have each character set in a font that has it.

    Args:
        fallback: a TrueType font for what the report's own lacks, if there is one.
    """

    def __init__(self, fallback: Path | None) -> None:
        self._regular = characters_of(FONTS / "DejaVuSans.ttf")
        self._own = self._regular & characters_of(FONTS / "DejaVuSans-Bold.ttf")
        self._fallback = fallback

    def __call__(self, text: str) -> Markup:
        """Return a text as HTML.

        Raises:
            RenderFailed: no font has one of its characters.
            SettingsError: the fallback font can't be read.
        """
        from markupsafe import Markup, escape

        cleaned = clean(text)
        if self._own.issuperset(map(ord, cleaned)):
            return escape(cleaned)
        runs = []
        for font, characters in groupby(cleaned, key=self._font):
            run = "".join(characters)
            if font == _OWN:
                runs.append(escape(run))
            else:
                runs.append(Markup('<span class="{}">{}</span>').format(_CLASSES[font], run))
        return Markup("").join(runs)

    def _font(self, character: str) -> int:
        if ord(character) in self._own or character.isspace():
            return _OWN
        if ord(character) in self._regular:
            return _REGULAR_ONLY
        if self._fallback is None:
            raise RenderFailed(
                "The report has characters of a script that its font lacks:"
                " set DOCWIZ_FONT_PATH to a TrueType font that has them."
            )
        if ord(character) in characters_of(self._fallback):
            return _FALLBACK
        raise RenderFailed(
            "The report has characters that neither its font nor the one of DOCWIZ_FONT_PATH has:"
            " set DOCWIZ_FONT_PATH to a TrueType font that has them."
        )


def _cleaned(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cs", "Co", "Cn"):
        return _REPLACEMENT
    if category == "Cf" and character not in _JOINERS:
        return ""
    return " " if category in ("Cc", "Zl", "Zp") else character
