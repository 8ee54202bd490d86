"""What `dataclasses` writes and compiles whenever a value class is made: compiled beforehand, as modules are.

A value class takes half a millisecond, two thirds of them the compiler's, and a function imports 50 to 100. The bundle
brings the code for each text that `dataclasses` writes for them (infra/values.py), made by Lambda's own Python. A text
that is not known is compiled as ever; without the file, from a clone, all of them are.
"""

from __future__ import annotations

import dataclasses
import marshal
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("values.bin")


def known() -> dict[str, bytes]:
    """Texts, and the code of each as `marshal` writes it. Empty without the file."""
    try:
        return dict(marshal.loads(FILE.read_bytes()))  # noqa: S302 - a file of the bundle, as bytecode is
    except OSError:
        return {}


def use() -> None:
    """Has `dataclasses` take the code that is known. Once, before a value class is imported."""
    texts = known()

    def run(text: str, *names: Any) -> None:
        code = texts.get(text)
        exec(text if code is None else marshal.loads(code), *names)  # noqa: S102, S302 - as `dataclasses` does

    if texts:
        vars(dataclasses)["exec"] = run  # a module's own name comes before the built-in one
