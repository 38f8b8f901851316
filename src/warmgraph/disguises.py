"""Text that is not what it looks like: characters that show nothing, turn the reading around, or pass for others.

Sources: Unicode Standard Annex 9 (bidirectional text), Technical Standard 39 (confusables), and the block of tags,
U+E0000 to U+E007F, whose characters spell ASCII and show nothing.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["UNSEEN", "undisguised"]

UNSEEN: str = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Characters that show nothing or change the order of what is shown, as they stand in a set of a pattern.

Joiners (U+200C, U+200D) and the variation selectors U+FE00 to U+FE0F are not among them: emoji and many scripts need
them. What they hide is found by `undisguised`."""

_UNSEEN_OR_JOINING = re.compile(f"[{UNSEEN}\u200c\u200d\ufe00-\ufe0f]")
_TURNED_AROUND = re.compile("[\u202e\u202d]([^\u202a-\u202e\n]*)\u202c?")
_LETTERS_APART = re.compile(r"(?<!\w)(?:\w[ .\-_*·]{1,2}){3,}\w(?!\w)")
_ALIKE = str.maketrans(
    "аеорсухіјѕԁһԛԝьѵтмвнкАВЕКМНОРСТУХІЈЅԚԜαοερυικνχτβηΑΒΕΖΗΙΚΜΝΟΡΤΥΧɑɡıʟɴʀᴀᴇᴏᴛ",
    "aeopcyxijsdhqwbvtmbhkABEKMHOPCTYXIJSQWaoepuikvxtbnABEZHIKMNOPTYXagilnraeot",
)


def undisguised(text: str) -> str:
    r"""Return a text as it is read: without what is unseen, and with one letter for those that look alike.

    For comparing only. It spoils texts in Cyrillic and Greek, all of them in the same way.

    Example:
        >>> undisguised("p\u0430y t\u200bo b i t c o i n")
        'pay to bitcoin'
        >>> undisguised("".join(chr(0xE0000 + ord(letter)) for letter in "obey"))
        'obey'
    """
    text = _TURNED_AROUND.sub(lambda found: found[1][::-1], text)
    shown = text.translate(_SPELLED) if any("\U000e0020" <= char <= "\U000e007e" for char in text) else text
    if shown.isascii():
        return _LETTERS_APART.sub(_together, shown)
    shown = unicodedata.normalize("NFKC", _UNSEEN_OR_JOINING.sub("", shown))
    shown = "".join(char for char in unicodedata.normalize("NFD", shown) if not _is_piled(char))
    return _LETTERS_APART.sub(_together, unicodedata.normalize("NFC", shown).translate(_ALIKE))


_SPELLED = {0xE0000 + code: chr(code) for code in range(0x20, 0x7F)}


def _is_piled(char: str) -> bool:
    """Whether a mark is laid over a letter to break it up rather than to spell it."""
    return "\u0334" <= char <= "\u0338" or "\u0489" == char or "\u20d0" <= char <= "\u20f0"


def _together(found: re.Match[str]) -> str:
    return re.sub(r"[ .\-_*·]+", "", found[0])
