"""The `test` command (POSIX.1-2017, XCU test; and bash's `[[`) over words that may be unknown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aboveboard.readers.shell.state import UNKNOWN, Status, known

FileTest = Callable[[str, str], Status]  # operator and path in, answer out
UNARY_FILE = frozenset(
    {"-a", "-b", "-c", "-d", "-e", "-f", "-g", "-h", "-k", "-L", "-p", "-r", "-s", "-S", "-u", "-w", "-x"}
)
BINARY_TEXT = frozenset({"=", "==", "!=", "<", ">"})
BINARY_NUMBER: dict[str, Callable[[int, int], bool]] = {
    "-eq": lambda a, b: a == b,
    "-ne": lambda a, b: a != b,
    "-gt": lambda a, b: a > b,
    "-ge": lambda a, b: a >= b,
    "-lt": lambda a, b: a < b,
    "-le": lambda a, b: a <= b,
}
MAX_WORDS = 256


def evaluate(words: Sequence[str], file_test: FileTest, match: Callable[[str, str], Status] | None = None) -> Status:
    """Return what `[ words ]` gives; `match` compares a text with a pattern, for `[[`. Errors are failures, as in ash."""
    if len(words) > MAX_WORDS:
        return None
    parser = _Parser(list(words), file_test, match)
    answer = parser.alternatives()
    return answer if parser.at == len(parser.words) else None


class _Parser:
    """Precedence: `!`, then `-a` and `&&`, then `-o` and `||`."""

    def __init__(self, words: list[str], file_test: FileTest, match: Callable[[str, str], Status] | None) -> None:
        self.words = words
        self.at = 0
        self._file_test = file_test
        self._match = match

    def alternatives(self) -> Status:
        answer = self.conjunction()
        while self._peek() in ("-o", "||"):
            self.at += 1
            answer = either(answer, self.conjunction())
        return answer

    def conjunction(self) -> Status:
        answer = self.negation()
        while self._peek() in ("-a", "&&"):
            self.at += 1
            answer = both(answer, self.negation())
        return answer

    def negation(self) -> Status:
        odd = False
        while self._peek() == "!" and self.at + 1 < len(self.words):
            self.at += 1
            odd = not odd
        answer = self.primary()
        return negated(answer) if odd else answer

    def primary(self) -> Status:
        left = self._next()
        if left is None:
            return False
        operator = self._peek()
        if operator in BINARY_TEXT or operator in BINARY_NUMBER:
            self.at += 1
            right = self._next()
            return self._compare(left, operator, "" if right is None else right)
        if left == "(":
            answer = self.alternatives()
            self.at += 1
            return answer
        if left in ("-n", "-z", "-t") and operator is not None:
            return self._text_test(left, self._next() or "")
        if left in UNARY_FILE and operator is not None:
            return self._file_test(left, self._next() or "")
        return not_empty(left)

    def _text_test(self, operator: str, word: str) -> Status:
        if operator == "-t":
            return None
        full = not_empty(word)
        return full if operator == "-n" else negated(full)

    def _compare(self, left: str, operator: str, right: str) -> Status:
        if operator in BINARY_NUMBER:
            if not (known(left) and known(right)):
                return None
            try:
                return BINARY_NUMBER[operator](int(left), int(right))
            except ValueError:
                return False
        if operator in ("<", ">"):
            return None
        same = equal(left, right)
        if self._match is not None and same is not True:
            same = self._match(left, right)
        return same if operator != "!=" else negated(same)

    def _peek(self) -> str | None:
        return self.words[self.at] if self.at < len(self.words) else None

    def _next(self) -> str | None:
        word = self._peek()
        self.at += 1 if word is not None else 0
        return word


def equal(left: str, right: str) -> Status:
    """Return whether two texts are equal; unknown parts can be told apart only by what stands before and after them."""
    if known(left) and known(right):
        return left == right
    for one, other in ((left, right), (right, left)):
        if known(other) and not known(one):
            head, tail = one.split(UNKNOWN)[0], one.split(UNKNOWN)[-1]
            if not (other.startswith(head) and other.endswith(tail) and len(other) >= len(head) + len(tail)):
                return False
    return None


def not_empty(text: str) -> Status:
    """Return whether the text is not empty."""
    if text.replace(UNKNOWN, ""):
        return True
    return None if text else False


def negated(status: Status) -> Status:
    """Return the contrary of what is known."""
    return None if status is None else not status


def both(one: Status, other: Status) -> Status:
    """Return the conjunction: a failure decides."""
    if one is False or other is False:
        return False
    return True if one and other else None


def either(one: Status, other: Status) -> Status:
    """Return the disjunction: a success decides."""
    if one or other:
        return True
    return False if one is False and other is False else None
