"""What a reply says of a check: refused, let in, or neither."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aboveboard.evidence.confirming.near import without

_REFUSED = re.compile(
    rb"(?i)access denied|permission denied|denied|incorrect|unauthori[sz]ed|not authori[sz]ed|forbidden|not logged in|"
    rb"(?:log ?in|auth\w*|password|user|credentials?|token|key|licen[cs]e|session)\W{0,3}(?:is |was |are )?"
    rb"(?:failed|failure|fail|invalid|wrong|required|rejected|bad|error)|"
    rb"(?:bad|wrong|invalid|failed|unknown) (?:log ?in|auth\w*|password|user|credentials?|token|key|licen[cs]e|session)|"
    rb"please log ?in"
)
_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3})|Status: (\d{3})")
_FTP = re.compile(rb"^(\d{3})[ -]", re.MULTILINE)
_LOGIN_PLACE = re.compile(rb"(?i)location: [^\r\n]*(?:login|auth|signin)")


def verdict(reply: bytes) -> str:
    """Return `refused`, `granted` or nothing: an HTTP status, the last code of a line protocol, else words."""
    status = _STATUS.search(reply[:4000])
    if status is not None:
        code = int(status[1] or status[2])
        if code in (401, 403, 407) or _LOGIN_PLACE.search(reply[:4000]) is not None:
            return "refused"
        if 200 <= code < 300:
            return "refused" if _REFUSED.search(reply) else "granted"
        return ""
    codes = _FTP.findall(reply)
    if codes and reply.startswith(codes[0]):
        last = int(codes[-1])
        return "refused" if last in (430, 530, 535, 532) else "granted" if last in (230, 235, 232) else ""
    if _REFUSED.search(reply):
        return "refused"
    return "granted" if reply.strip() else ""


def passed(near: Sequence[bytes], exact: Sequence[bytes], values: Sequence[bytes], value: bytes) -> tuple[str, str] | None:
    """Return what the refusal and the grant say, where every near-miss was refused and the constant let in, each time.

    Another answer alone is nothing: every command has an answer of its own. It must be a refusal that goes away, and
    the same answer both times, once what was sent is taken out.
    """
    if not near or not exact or any(verdict(one) != "refused" for one in near):
        return None
    if any(verdict(one) != "granted" for one in exact):
        return None
    plain = {without(one, value) for one in exact}
    other = {without(one, sent) for one, sent in zip(near, values, strict=False)}
    if len({len(one.split()) for one in plain}) > 1 or plain & other:
        return None
    return _line(near[0]), _line(exact[0])


def _line(reply: bytes) -> str:
    found = [line for line in reply.splitlines() if line.strip()]
    chosen = next((line for line in found if _REFUSED.search(line) or _STATUS.search(line)), found[-1] if found else b"")
    return re.sub(r"[^\x20-\x7e]", "?", chosen.decode("latin-1"))[:160]
