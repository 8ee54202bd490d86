"""Jinja environments: a fast one for the shipped templates, a sandbox for those that a publication brings.

A brought template reaches what it is given and nothing else: no file, no environment variable, no underscored
attribute. Work and memory of one rendering are capped as far as that is possible inside one process.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from itertools import islice
from typing import Any

from jinja2 import (
    BytecodeCache,
    Environment,
    StrictUndefined,
    Template,
    TemplateError,
    Undefined,
    nodes,
    pass_eval_context,
)
from jinja2.bccache import Bucket
from jinja2.exceptions import SecurityError
from jinja2.filters import do_join, do_replace
from jinja2.loaders import FunctionLoader
from jinja2.meta import find_referenced_templates
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pressrun.errors import Invalid

MAX_STEPS = 1_000_000  # rounds of loops and calls in one rendering, about a second
MAX_TEXT = 16_000_000  # characters of a page, or of any text made on the way to it
MAX_RANGE = 10_000

_SHIPPED = "shipped/"
_BROUGHT = "templates/"
# What neither formats nor multiplies: its result is no longer than the text.
_TEXT_METHODS = """capitalize casefold count endswith find isalpha isdigit lower lstrip partition
removeprefix removesuffix rpartition rsplit rstrip split splitlines startswith strip swapcase title upper"""
_TEXT_FILTERS = """capitalize e escape forceescape lower string striptags title trim truncate upper urlencode
wordcount"""
_OTHER_FILTERS = """abs attr count d default dictsort first float groupby int items last length list map
max min reject rejectattr reverse round safe select selectattr sort sum unique"""

Source = tuple[str, str, Callable[[], bool]]


class _Compiled(BytecodeCache):
    """Templates compiled once for every theme of this process, and of those that are forked from it."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Takes the code that was made of the same text."""
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps the code."""
        self._code[bucket.key] = bucket.bytecode_to_string()


_compiled = _Compiled()


class Plain(Environment):
    """For templates that are ours."""

    def __init__(self, shipped: Mapping[str, str]) -> None:
        super().__init__(**_options(shipped, {}), bytecode_cache=_compiled)
        _without_chance(self)


class Sandbox(ImmutableSandboxedEnvironment):
    """For templates of which at least one is the publication's. Every error in one becomes Invalid."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, shipped: Mapping[str, str], overrides: Mapping[str, str]) -> None:
        options = _options(shipped, overrides)
        super().__init__(**options, finalize=_printable)
        _without_chance(self)
        self._steps = 0
        self.globals["range"] = _short_range
        kept = {name: self.filters[name] for name in _OTHER_FILTERS.split()}
        kept |= {name: _of_text(self.filters[name]) for name in _TEXT_FILTERS.split()}
        kept |= {"join": _join, "replace": _replace, "counted": self._counted, "bounded": _bounded}
        self.filters = kept
        for name in overrides:
            self._check(name, overrides[name])

    def render(self, template: Template, values: Mapping[str, object]) -> str:
        """The text of a template. Raises Invalid at the line of the publication's template that failed."""
        self._steps = 0
        pieces: list[str] = []
        size = 0
        try:
            for piece in template.root_render_func(template.new_context(dict(values))):
                size += len(piece)
                pieces.append(piece)
                _refuse_long(size)
        except Invalid:
            raise
        except Exception as error:
            raise self._located(error, template) from error
        return "".join(pieces)

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        if isinstance(obj, str):
            return attr in _TEXT_METHODS.split()
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Jinja makes `str.format` safe to read with; the widths that it pads to stay without a limit."""
        if super().wrap_str_format(value) is not None:
            raise SecurityError("formatting with .format() is not available")
        return None

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        self._spend()
        return _bounded(super().call(context, obj, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "%" and isinstance(left, str):
            raise SecurityError("formatting with % is not available")
        if operator == "**" and not (abs(left) <= 1_000_000 and abs(right) <= 8):
            raise SecurityError("the power is too large")
        if operator == "*":
            _refuse_long(_product(left, right))
        if operator == "+":
            _refuse_long(_length(left) + _length(right))
        return super().call_binop(context, operator, left, right)

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> str:
        return super()._generate(_metered(source), *args, **kwargs)

    def _check(self, name: str, text: str) -> None:
        file = f"{_BROUGHT}{name}"
        try:
            tree = self.parse(text, name, file)
            wanted = find_referenced_templates(tree)
            missing = [other for other in wanted if other and other not in self.list_templates()]
            self.get_template(name)
        except TemplateError as error:
            what = f"is not a Jinja template: {error.message}"
            line: int = getattr(error, "lineno", 0)
            todo = "mend this line; https://jinja.palletsprojects.com/templates/ explains the language"
            raise Invalid.at(file, line, what, todo, code="template") from None
        except RecursionError:
            raise Invalid.at(file, 0, "is nested too deeply", "simplify it", code="template") from None
        if missing:
            line = next((i for i, row in enumerate(text.splitlines(), 1) if missing[0] in row), 0)
            todo = 'name a shipped template, such as "web/base.html", or one beside this file'
            raise Invalid.at(file, line, f"there is no template {missing[0]!r}", todo, code="template")

    def _located(self, error: Exception, template: Template) -> Invalid:
        """The error, at the innermost line of a template of the publication that was being rendered."""
        file, line = template.filename or "", 0
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename.startswith(_BROUGHT):
                failed = self.get_template(frame.filename.removeprefix(_BROUGHT))
                file, line = frame.filename, failed.get_corresponding_lineno(frame.lineno or 0)
        what = f"cannot be rendered: {error or type(error).__name__}"
        todo = "mend this line, or remove the file to return to the shipped template"
        if isinstance(error, RecursionError):
            what = "goes round in a circle: it extends, includes or calls itself"
            todo = f'name another template; the shipped one is "{_SHIPPED}{file.removeprefix(_BROUGHT)}"'
        return Invalid.at(file, line, what, todo, code="template")

    def _spend(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise SecurityError(f"the template takes more than {MAX_STEPS:,} steps")

    def _counted(self, rounds: Iterable[object]) -> Iterator[object]:
        for item in rounds:
            self._spend()
            yield item


def _metered(tree: nodes.Template) -> nodes.Template:
    """The same template, with its loops counted and the texts that it joins bounded."""
    for loop in tree.find_all(nodes.For):
        loop.iter = _filter(loop.iter, "counted")
    for joined in tree.find_all(nodes.Concat):
        joined.nodes = [_filter(part, "bounded") for part in joined.nodes]
    for block in tree.find_all(nodes.AssignBlock):
        block.filter = _filter(block.filter, "bounded")
    return tree


def _filter(node: Any, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=getattr(node, "lineno", 1))


def _options(shipped: Mapping[str, str], overrides: Mapping[str, str]) -> dict[str, Any]:
    def load(name: str) -> Source | None:
        if name in overrides:
            return overrides[name], f"{_BROUGHT}{name}", lambda: True
        text = shipped.get(name.removeprefix(_SHIPPED))
        return None if text is None else (text, f"{_SHIPPED}{name.removeprefix(_SHIPPED)}", lambda: True)

    loader = FunctionLoader(load)
    names = sorted({*shipped, *overrides, *(f"{_SHIPPED}{name}" for name in shipped)})
    loader.list_templates = lambda: names  # type: ignore[method-assign]
    return {
        "loader": loader,
        "autoescape": lambda name: name is None or not name.endswith(".txt"),
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
        "auto_reload": False,
        "cache_size": -1,
    }


def _without_chance(environment: Environment) -> None:
    """Pages are the same at every rendering."""
    del environment.globals["lipsum"]
    del environment.filters["random"]


def _printable(value: object) -> object:
    if value is None or isinstance(value, str | int | float | Undefined):
        return value
    raise SecurityError(f"a {type(value).__name__} cannot be printed; print one of its parts")


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        _refuse_long(len(value))
    return value


def _of_text(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that takes scalars alone: the text of a nested list can be longer than any memory."""

    @wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        for value in (*args, *kwargs.values()):
            if not isinstance(value, Environment | EvalContext | Context):
                _printable(value)
        return function(*args, **kwargs)

    return checked


@pass_eval_context
def _join(context: EvalContext, value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> Any:
    items = list(islice(value, MAX_RANGE))
    _refuse_long(len(items) * len(d))
    if attribute is None:
        for item in items:
            _printable(item)
    joined: Any = do_join(context, items, d, attribute)
    return joined


@pass_eval_context
def _replace(context: EvalContext, s: str, old: str, new: str) -> Any:
    _refuse_long(len(s) + s.count(old) * len(new))
    replaced: Any = do_replace(context, s, old, new)
    return replaced


def _short_range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MAX_RANGE:
        raise SecurityError(f"a range has at most {MAX_RANGE:,} numbers")
    return numbers


def _length(value: object) -> int:
    return len(value) if isinstance(value, str | list | tuple) else 0


def _product(left: Any, right: Any) -> int:
    """The length of what a multiplication makes; a number of 16,000 bits counts as too long."""
    if isinstance(left, int) and isinstance(right, int):
        return (left.bit_length() + right.bit_length()) * 1000
    return _length(left) * right if isinstance(right, int) else _length(right) * int(left)


def _refuse_long(length: int) -> None:
    if length > MAX_TEXT:
        raise SecurityError(f"a text would be longer than {MAX_TEXT:,} characters")
