"""Pieces of C that stand in a file once for every dtype that needs them: vectors, and products made of them."""

from __future__ import annotations

from symopt.backends.cfamily.text import piece
from symopt.graph.dimensions import Dim

#: Columns up to which a product is narrow: vectors along so few would be largely empty.
NARROW = 12
#: What functions of a dtype end in.
SHORT = {"float32": "f32", "float64": "f64"}
#: What each piece stands on; those of products may round once where they multiply and add.
PLAIN = {"blas": (), "transpose": ("vectors", "lanes")}
CONTRACTED = {
    "product": ("vectors",),
    "narrow": ("vectors", "lanes"),
    "deep": ("vectors", "lanes"),
    "dots": (),
    "outer": ("vectors",),
    "combine": ("vectors", "lanes"),
}
#: What the words of a piece mean.
_WORDS = {
    "float32": {"REAL": "float", "INTEGER": "int", "FORM": "ps512_mask"},
    "float64": {"REAL": "double", "INTEGER": "long long", "FORM": "pd512_mask"},
}


def is_narrow(columns: Dim) -> bool:
    """Whether a product has few columns."""
    return isinstance(columns, int) and 1 < columns <= NARROW


class Pieces:
    """The pieces that a file needs, by their dtypes."""

    def __init__(self) -> None:
        self._needed: dict[str, set[str]] = {}

    def need(self, name: str, dtype_name: str) -> str:
        """The name of a piece's function for a dtype."""
        for one in (*(PLAIN | CONTRACTED)[name], name):
            self._needed.setdefault(one, set()).add(dtype_name)
        return f"{name}_{SHORT[dtype_name]}"

    def dtypes(self, name: str) -> list[str]:
        """The dtypes that need a piece."""
        return sorted(self._needed.get(name, ()))

    def plain(self) -> list[str]:
        """The texts of pieces that compute as they are written."""
        return [text for name in ("vectors", "lanes", *PLAIN) for text in self._texts(name)]

    def contracted(self) -> list[str]:
        """The texts of products."""
        return [text for name in CONTRACTED for text in self._texts(name)]

    def _texts(self, name: str) -> list[str]:
        return [_text(name, dtype_name) for dtype_name in self.dtypes(name)]


def _text(name: str, dtype_name: str) -> str:
    text = piece(__file__, f"{name}.c")
    for word, meaning in (_WORDS[dtype_name] | {"SUFFIX": SHORT[dtype_name], "NARROW": str(NARROW)}).items():
        text = text.replace(word, meaning)
    return text
