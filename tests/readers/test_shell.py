"""What boot scripts start, as far as constants tell."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aboveboard.evidence.memory_tree import memory_tree
from aboveboard.readers.shell import UNKNOWN, Command, Interpreter, Limits, Outcome


def run(script: str, *, files: dict[str, str] | None = None, arguments: tuple[str, ...] = ()) -> Outcome:
    contents = {"/etc/t": "1 2\n3 4\n", "/etc/rcS": "#!/bin/sh\n" + script, **(files or {})}
    tree = memory_tree({path: text.encode() for path, text in contents.items()})
    return Interpreter(tree).run("/etc/rcS", arguments)


def started(script: str, **more: object) -> list[tuple[str, ...]]:
    return [command.argv for command in run(script, **more).commands]  # type: ignore[arg-type]  # passed on


@pytest.mark.parametrize(
    ("script", "argv"),
    [
        ("P=23; telnetd -p $P", ("telnetd", "-p", "23")),
        ('A="x y"; d $A "$A"', ("d", "x", "y", "x y")),
        ("d ${X:-def} ${X:+no}", ("d", "def")),
        ("X=a.b.c; d ${X#*.} ${X##*.} ${X%.*} ${X%%.*}", ("d", "b.c", "c", "a.b", "a")),
        ("d $(echo one) `echo two`", ("d", "one", "two")),
        ("d $((2*(3+4)))", ("d", "14")),
        ("f() { d $2 $#; }; f a b", ("d", "b", "2")),
        ("for i in 1; do d $i; done", ("d", "1")),
        ("if [ -f /etc/rcS -a ! -e /etc/none ]; then d yes; else d no; fi", ("d", "yes")),
        ('X=on; case "$X" in off) d 1;; o*) d 2;; esac', ("d", "2")),
        ("[ 3 -gt 2 ] && d", ("d",)),
        ("[ -e /etc/none ] || d", ("d",)),
        ("echo port 5 > /tmp/c; d $(cat /tmp/c)", ("d", "port", "5")),
        ("P=7; cat > /tmp/c <<EOF\nport $P\nEOF\nd $(cat /tmp/c)", ("d", "port", "7")),
        ("set -- a b; shift; d $1", ("d", "b")),
        ("echo 'd piped' | sh", ("d", "piped")),
        ("echo d piped > /tmp/c; cat /tmp/c | /bin/sh -s", ("d", "piped")),
        ("""d "${1:-[x='$2']}" """, ("d", "[x='']")),
        ("eval 'd x'", ("d", "x")),
        ("d 'a  b' \"c  d\" e\\ f", ("d", "a  b", "c  d", "e f")),
        ("exec d; never", ("d",)),
        ("while true; do d; break; done", ("d",)),
        ("start-stop-daemon -S -x /usr/sbin/d -- -p 1", ("/usr/sbin/d", "-p", "1")),
        ("busybox d -p 1", ("d", "-p", "1")),
        ("/bin/sh -c 'X=4; d $X; exit 1' &", ("d", "4")),
        ('su nobody -c "d 5"', ("d", "5")),
        ("grep -q '^3 ' /etc/t && d", ("d",)),
        ("grep -q '^9' /etc/t || d", ("d",)),
        ("grep -v '^1' /etc/t | while read a b; do d $b; done", ("d", "4")),
        ("d $(head -n 1 /etc/t | grep -c 1)", ("d", "1")),
        ("echo 'a:b' >> /etc/t; grep -qE '^(a|z):' /etc/t && d", ("d",)),
        ("while read a b; do d $a $b; done < /etc/t", ("d", "3", "4")),
        ("printf 'x y\\n' | while read a b; do d $b; done", ("d", "y")),
        ("f() { local x=1; g; d $x; }; g() { local x=2; }; f", ("d", "1")),
        ('l=" a b "; w=b; d "${l%% $w *}|"', ("d", " a|")),
        ("d $(basename /a/b.sh .sh) $(dirname /a/b)", ("d", "b", "/a")),
    ],
)
def test_constants_are_followed(script: str, argv: tuple[str, ...]) -> None:
    assert argv in started(script)
    assert ("never",) not in started(script)


def only(outcome: Outcome, name: str) -> Command:
    (command,) = [item for item in outcome.commands if item.argv[0] == name]
    return command


def test_what_is_not_known_makes_both_branches_run_under_conditions() -> None:
    outcome = run("if grep -q dev /proc/cmdline; then a; X=1; else b; X=2; fi; c $X")
    assert only(outcome, "a").conditions == ("grep -q dev /proc/cmdline",)
    assert only(outcome, "b").conditions == ("not (grep -q dev /proc/cmdline)",)
    assert only(outcome, "c").conditions == ()
    assert only(outcome, "c").argv == ("c", UNKNOWN)


def test_a_condition_says_where_its_variable_comes_from() -> None:
    outcome = run('w=$(nc -l -p 9 | head -n 1); if [ "$w" = go ]; then d; fi')
    assert only(outcome, "d").conditions == ('[ "$w" = go ] (w from: $(nc -l -p 9 | head -n 1))',)


def test_what_follows_an_exit_that_may_happen_is_conditional() -> None:
    outcome = run("a\ngrep -q dev /proc/cmdline && exit 0\nb")
    assert only(outcome, "a").conditions == ()
    assert only(outcome, "b").conditions == ("not (grep -q dev /proc/cmdline)",)


def test_a_return_that_may_happen_holds_in_its_function_alone() -> None:
    outcome = run("f() { grep -q x /proc/mtd && return; inner; }\nf\nouter")
    assert only(outcome, "inner").conditions == ("not (grep -q x /proc/mtd)",)
    assert only(outcome, "outer").conditions == ()


def test_scripts_are_followed_with_their_chain() -> None:
    files = {"/etc/rc.d/S10a": '#!/bin/sh\n. /etc/conf\n[ "$1" = start ] && d $P\n', "/etc/conf": "P=9\n"}
    outcome = run("for s in /etc/rc.d/S*; do $s start; done", files=files)
    assert only(outcome, "d").argv == ("d", "9")
    assert only(outcome, "d").via == ("/etc/rcS:2 $s start",)
    assert (only(outcome, "d").path, only(outcome, "d").line) == ("/etc/rc.d/S10a", 3)


@pytest.mark.parametrize(
    "script",
    [
        "f() { f; }; f",
        "while true; do a; done",
        ". /etc/rcS",
        "/etc/rcS",
        "X=$(f() { echo $X$X; }; f)",
        'eval "$0"',
        "(((((",
    ],
)
def test_endless_scripts_end(script: str) -> None:
    run(script)


def test_reached_bounds_are_told() -> None:
    tree = memory_tree({"/s": b"#!/bin/sh\n" + b"a\n" * 500})
    assert Interpreter(tree, limits=Limits(steps=100)).run("/s").limited


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab $`'\"(){}[]|&;<>\n=*?!#-/01\\%:+", max_size=120) | st.text(max_size=60))
def test_any_text_is_bounded_and_never_raises(script: str) -> None:
    run(script)


def test_a_numeric_test_does_not_swallow_what_stands_below() -> None:
    script = "n=0\n[ \"$n\" -gt 0 ] && exit 0\nd one\necho 'x' > /tmp/y\n[ -f /etc/passwd ] && {\n\techo b\n}\nd two\n"
    assert started(script) == [("d", "one"), ("d", "two")]
    (command,) = run("[ 3 -gt 2 ] && d; if [ 2 -eq 3 ]; then d no; fi").commands
    assert not command.conditions
    assert started("[ 3 -gt 2 ] && d -gt yes; [ 2 -ge 3 ] || d -ne no; test 3 -lt 2 || d test") == [
        ("d", "-gt", "yes"),
        ("d", "-ne", "no"),
        ("d", "test"),
    ]


def test_escapes_are_decoded_and_unknown_names_are_told() -> None:
    assert started(r"T=$(printf '\x74elnetd'); $T -p 1; $(echo -e '\164elnetd') -p 2") == [
        ("telnetd", "-p", "1"),
        ("telnetd", "-p", "2"),
    ]
    tree = memory_tree({"/etc/rcS": b"#!/bin/sh\n:\n$(tr x d </etc/x) -p 3\n"})
    interpreter = Interpreter(tree)
    interpreter.run("/etc/rcS")
    assert interpreter.unseen == {"/etc/rcS": {3}}


def test_a_line_added_after_what_is_not_known_is_a_line() -> None:
    found = run("[ -f /tmp/x ] && echo perhaps >> /etc/t\necho 'last' >> /etc/t\n").written["/etc/t"]
    assert found.splitlines()[-1] == "last"


def test_eval_runs_at_the_line_where_it_stands() -> None:
    (command,) = run(":\n:\neval 'd one'").commands
    assert command.line == 4  # the first line is that of the interpreter's name
