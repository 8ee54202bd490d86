"""Compiles what `dataclasses` would write for each value class of a bundle. See handlers/compiled.py, which reads it.

Run by the Python that the bundle is for, which needs no package of the bundle's: a class is made again from its source
with the same names, the same defaults in kind and the same options, and that is all that its texts depend on.

    python3.13 infra/values.py build/lambda
"""

from __future__ import annotations

import ast
import dataclasses
import marshal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OURS = ("handlers", "pressrun")
DOCUMENTED = ast.Expr(ast.Constant("Else `dataclasses` would write a docstring."))
NAMES = {"__name__": __name__, "dataclass": dataclasses.dataclass, "field": dataclasses.field}


def texts(folder: Path) -> dict[str, bytes]:
    """Each text that is compiled for a value class of our packages in `folder`, and its code."""
    found: dict[str, bytes] = {}

    def run(text: str, *names: Any) -> None:
        code = compile(text, "<string>", "exec")
        found[text] = marshal.dumps(code)
        exec(code, *names)  # noqa: S102 - as `dataclasses` does

    vars(dataclasses)["exec"] = run
    try:
        for package in OURS:
            for path in sorted((folder / package).rglob("*.py")):
                for made in classes(ast.parse(path.read_bytes())):
                    source = "from __future__ import annotations\n" + ast.unparse(made)
                    exec(source, dict(NAMES))  # noqa: S102 - our own source
    finally:
        del vars(dataclasses)["exec"]
    return dict(sorted(found.items()))


def classes(tree: ast.Module) -> Iterator[ast.ClassDef]:
    """The value classes of a module, bare: names, whether there is a default or a factory, and `__post_init__`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(
            "dataclass" in ast.unparse(one) for one in node.decorator_list
        ):
            if node.bases:
                raise ValueError(
                    f"{node.name}: the fields of {ast.unparse(node.bases[0])} are not known here"
                )
            yield ast.ClassDef(**{**vars(node), "body": [DOCUMENTED, *_bare(node.body)]})


def _bare(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for part in body:
        if isinstance(part, ast.AnnAssign):
            yield ast.AnnAssign(part.target, part.annotation, _default(part.value), part.simple)
        elif isinstance(part, ast.FunctionDef) and part.name == "__post_init__":
            yield ast.FunctionDef(**{**vars(part), "body": [ast.Pass()]})


def _default(value: ast.expr | None) -> ast.expr | None:
    if not (isinstance(value, ast.Call) and ast.unparse(value.func) == "field"):
        return value and ast.Constant(None)
    factory = ast.Name("list", ast.Load())
    options = [
        ast.keyword(one.arg, factory if one.arg == "default_factory" else one.value) for one in value.keywords
    ]
    return ast.Call(value.func, [], options)


if __name__ == "__main__":
    bundle = Path(sys.argv[1])
    (bundle / "handlers" / "values.bin").write_bytes(marshal.dumps(texts(bundle)))
