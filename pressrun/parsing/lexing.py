"""Pygments' lexers, run faster. One that has much to read tries the rules of a state by one expression.

Pygments tries a state's rules one by one, 20 to 40 for each token. Joined to alternatives of one expression they are
tried inside of `re`: a third of the time. To join them takes 20 to 100 ms for a language, so it waits for `AFTER`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from pygments.lexer import RegexLexer
from pygments.token import Error, Whitespace, _TokenType

AFTER = 20_000
"""Characters that a lexer has read in this process before its rules are joined."""

Token = tuple[Any, str]
Rule = tuple[
    Callable[..., Any], Any, Any
]  # Pygments': how it matches, what it makes of that, the state that follows
Step = tuple[Callable[..., Any], dict[int | None, Rule]]

_SCOPED = ((re.I, "i"), (re.M, "m"), (re.S, "s"))
_GLOBAL_FLAGS = re.compile(r"\A\(\?[aiLmsux]+\)")
# Groups get other numbers among alternatives, and a name can be there once.
_NUMBERED = re.compile(r"\\[1-9]|\(\?P|\(\?\(")


class Tokens:
    """What a lexer makes of texts: as its own `get_tokens_unprocessed`, without positions."""

    def __init__(self, lexer: Any) -> None:
        self._lexer = lexer
        self._joinable = type(lexer).get_tokens_unprocessed is RegexLexer.get_tokens_unprocessed
        self._read = 0
        self._states: dict[str, list[Step]] = {}

    def __call__(self, text: str) -> Iterable[Token]:
        if not self._joinable or self._read < AFTER:
            self._read += len(text)
            return [(kind, value) for _, kind, value in self._lexer.get_tokens_unprocessed(text)]
        return self._tokens(text)

    def _tokens(self, text: str) -> Iterator[Token]:
        """The loop of `RegexLexer.get_tokens_unprocessed`, over steps for rules."""
        at, stack = 0, ["root"]
        steps = self._steps("root")
        while True:
            for match, rules in steps:
                if found := match(text, at):
                    rule, action, goes_to = rules[found.lastindex] if len(rules) > 1 else rules[None]
                    if type(action) is _TokenType:
                        yield action, found.group()
                    elif action is not None:
                        own = found if len(rules) == 1 else rule(text, at)
                        for _, kind, value in action(self._lexer, own):
                            yield kind, value
                    at = found.end()
                    if goes_to is not None:
                        _go(stack, goes_to)
                        steps = self._steps(stack[-1])
                    break
            else:
                if at >= len(text):
                    return
                if text[at] == "\n":
                    stack = ["root"]
                    steps = self._steps("root")
                    yield Whitespace, "\n"
                else:
                    yield Error, text[at]
                at += 1

    def _steps(self, state: str) -> list[Step]:
        if state not in self._states:
            rules: list[Rule] = self._lexer._tokens[state]
            self._states[state] = [
                step for joins, group in groupby(rules, _joins) for step in _stepped(list(group), joins=joins)
            ]
        return self._states[state]


def _go(stack: list[str], goes_to: Any) -> None:
    """What a rule's third part does to the stack of states; the last state stays."""
    for step in goes_to if isinstance(goes_to, tuple) else (goes_to,):
        if step == "#pop" or isinstance(step, int):
            del stack[max(1, len(stack) + (-1 if step == "#pop" else step)) :]
        else:
            stack.append(stack[-1] if step == "#push" else step)


def _joins(rule: Rule) -> bool:
    pattern = getattr(rule[0], "__self__", None)
    return (
        isinstance(pattern, re.Pattern)
        and not pattern.flags & (re.A | re.L | re.X)
        and _NUMBERED.search(pattern.pattern) is None
    )


def _stepped(rules: list[Rule], *, joins: bool) -> list[Step]:
    """The rules as one step where they can be joined: an empty group behind each alternative tells which it was."""
    if not joins or len(rules) == 1:
        return [(rule[0], {None: rule}) for rule in rules]
    alternatives: list[str] = []
    numbers: dict[int | None, Rule] = {}
    groups = 0
    for rule in rules:
        pattern: re.Pattern[str] = rule[0].__self__  # type: ignore[attr-defined]
        flags = "".join(letter for flag, letter in _SCOPED if pattern.flags & flag)
        alternatives.append(f"(?{flags}:{_GLOBAL_FLAGS.sub('', pattern.pattern)})()")
        groups += pattern.groups + 1
        numbers[groups] = rule
    return [(re.compile("|".join(alternatives)).match, numbers)]
