"""Names as keys: how two spellings of one name are found to be the same.

A key ignores case, accents, kinds of apostrophe and hyphen, and the amount of white space. It never
guesses: "Mueller" and "Müller" are two names.
"""

from __future__ import annotations

import re
import unicodedata

_APOSTROPHES = "\u2018\u2019\u201b\u02bc\u02bb\u2032\u0060\u00b4\uff07"
_HYPHENS = "\u2010\u2011\u2212\ufe63\uff0d"
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"

_UNIFIED = str.maketrans(
    dict.fromkeys(_APOSTROPHES, "'") | dict.fromkeys(_HYPHENS, "-") | dict.fromkeys(_INVISIBLE, "")
)
_NO_DECOMPOSITION = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ħ": "h", "ı": "i", "ŧ": "t"}
)
"""Letters with a stroke and ligatures that Unicode does not take apart."""


_BETWEEN = re.compile(r"(\s*[–—]\s*|\s+-\s*|-\s+|\s*(?:(?<!\d)[:,]|[:,](?!\d))\s*)")
"""What separates the parts of a title."""


def fold(name: str) -> str:
    """The key of a name: case- and accent-insensitive, white space collapsed, "ß" as "ss".

    Idempotent: ``fold(fold(x)) == fold(x)``.
    """
    if name.isascii():  # most names of an import; the long way comes to the same
        return " ".join(name.replace("`", "'").lower().split())
    key = name.translate(_UNIFIED)
    # Case folding can make composed letters and decomposition can make capitals: twice reaches the end.
    for _ in range(2):
        key = unicodedata.normalize("NFKD", key).casefold().translate(_NO_DECOMPOSITION)
    key = "".join(c for c in key.translate(_UNIFIED) if not unicodedata.combining(c))
    return " ".join(key.split())


def name_keys(first_name: str, last_name: str) -> tuple[str, ...]:
    """The keys under which a full name is recognised: first name first and last name first.

    Empty if there is no name at all; one key if both orders are the same.
    """
    first, last = fold(first_name), fold(last_name)
    orders = (" ".join(filter(None, pair)) for pair in ((first, last), (last, first)))
    return tuple(dict.fromkeys(key for key in orders if key))


def order_free(key: str) -> str:
    """A folded name with its words sorted: one index entry finds both orders (to be checked afterwards)."""
    return " ".join(sorted(key.split()))[:512]


def without_patient(subject: str, first_name: str, last_name: str, number: str) -> str:
    """A subject without the parts that name this patient and nothing else: words of the name, the number.

    For a subject that somebody has said is about that patient; the rest stays word for word.
    """
    pieces = _BETWEEN.split(subject.strip())
    words = {*fold(first_name).split(), *fold(last_name).split()}
    pseudonym = [fold(first_name[:2] + last_name[:2]), fold(number)]

    def names(piece: str) -> bool:
        said = [word for word in (w.strip("?!.()") for w in fold(piece).split()) if word]
        return bool(said) and (said == pseudonym or all(w in words or w == fold(number) for w in said))

    kept = [i for i in range(0, len(pieces), 2) if not names(pieces[i])]
    if len(kept) * 2 == len(pieces) + 1:
        return subject
    return "".join((pieces[i - 1] if n else "") + pieces[i] for n, i in enumerate(kept)).strip()
