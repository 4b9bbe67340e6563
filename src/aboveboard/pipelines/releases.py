"""The release log: which images a supplier gave to everybody, and whether this device's image is one of them (EV-08).

An image that is not in the log was made for that device alone, or the log is not the one for it. The standard calls EV-08
broken only where an image is absent from the log that should hold it. Two images under one product and version do not break
it (there may be variants), but they are what such a log is kept for, so that they can be seen: both are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from aboveboard.model.agreement import Agreement
from aboveboard.model.canonical import digest_of
from aboveboard.model.dates import LAST
from aboveboard.model.errors import InputError
from aboveboard.model.record import DERIVED, Outcome, Record
from aboveboard.pipelines.keys import read_file
from aboveboard.pipelines.log import LogView, read_entries
from aboveboard.pipelines.log import digest_of as file_digest
from aboveboard.pipelines.log_extracts import RELEASE, RELEASE_NAME, extract, release_name, to_json
from aboveboard.pipelines.log_writing import opened, place
from aboveboard.pipelines.unpack import MAX_IMAGE, folder_digest
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.entry import MAX_TEXT, Entry
from aboveboard.trust.policy import Policy
from aboveboard.trust.proof import MAX_BYTES, Proof
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import format_time, parse_time

CLAUSE, KIND = "EV-08", "release-inclusion"
RELEASES = "releases"  # what an agreement calls this log
ABSENT = "not in this log: it was made for that device alone, or the log is not the one for it"
MAX_AGE = timedelta(days=30)  # of a copy of a log that is to show that something is absent


def image_digest(image: Path) -> str:
    """Return the digest of an image or folder, the same that `inspect` gives as its subject; raises InputError."""
    if image.is_dir():
        return folder_digest(image)
    digest = file_digest(image)
    size = image.stat().st_size
    if not 0 < size <= MAX_IMAGE:
        raise InputError(f"{image} has {size} bytes", hint=f"an image has 1 to {MAX_IMAGE}")
    return f"sha256:{digest}"


@dataclass(frozen=True)
class Release:
    """An image in the log: where, under which name, and when a quorum had seen it (None where nobody is asked)."""

    index: int
    image: str
    about: Mapping[str, str | int]
    seen_at: datetime | None = None

    @classmethod
    def of(cls, index: int, entry: Entry, seen_at: datetime | None = None) -> Release:
        """Return the release that an entry is of."""
        return cls(index, f"sha256:{entry.digest}", entry.about, seen_at)

    @property
    def name(self) -> tuple[str | int, ...]:
        """Return supplier, product and version, as far as the log says them."""
        return tuple(self.about.get(field, "") for field in RELEASE_NAME)


@dataclass(frozen=True)
class Added:
    """An image that is in the log now; `new` is False where it was before. `others` bear its name and are other images."""

    release: Release
    new: bool
    others: tuple[Release, ...]


def add(folder: Path, image: Path, name: tuple[str, str, str], key: PrivateKey) -> Added:
    """Add an image under supplier, product and version; durable on return.

    An image that is there under this name is not added again. Raises InputError where it is there under another one, or
    for a name that is none, and RefusedError where the log is another key's or damaged.
    """
    if not all(0 < len(one) <= MAX_TEXT for one in name):
        raise InputError("supplier, product and version have 1 to 1000 characters", hint="shorten them")
    entry = Entry(RELEASE, image_digest(image).removeprefix("sha256:"), dict(zip(RELEASE_NAME, name, strict=True)))
    log = opened(folder, key)
    there = [(index, one) for index, one in read_entries(folder, log.current().size) if one.kind == RELEASE]
    others = tuple(Release.of(*one) for one in there if release_name(one[1]) == name and one[1].digest != entry.digest)
    before = [Release.of(*one) for one in there if one[1].digest == entry.digest]
    for release in before:
        if release.name == name:
            return Added(release, False, others)
    if before:
        called = ", ".join(str(one) for one in before[0].name)
        hint = "an image is released under one name: look whether it is the right file"
        raise InputError(f"{image.name} is in the log as entry {before[0].index}: {called}"[:500], hint=hint)
    (placed,) = place(folder, [(image, entry)], key)
    return Added(Release.of(placed.index, entry), True, others)


@dataclass(frozen=True)
class Standing:
    """Whether an image is in a log: a stable code, a sentence, where it stands, and what else bears its name."""

    code: str  # in-log, not-in-log, not-seen (by a quorum at the time), other-release
    text: str
    release: Release | None
    others: tuple[Release, ...]

    @property
    def good(self) -> bool:
        """Tell whether it is in the log and was by then."""
        return self.code == "in-log"


def standing(view: LogView, image: str, at: datetime, asked: Mapping[str, str] | None = None) -> Standing:
    """Return whether an image (`sha256:...`) is in a log at a time, under the name that is asked for where one is."""
    wanted = dict(asked or {})
    listed = view.entries(RELEASE)
    digest = image.removeprefix("sha256:")
    found = [one for one in listed if one[1].digest == digest]
    fitting = [one for one in found if wanted.items() <= one[1].about.items()]
    if not fitting:
        whole = {"product", "version"} <= wanted.keys()
        named = [one for one in listed if whole and one not in found and wanted.items() <= one[1].about.items()]
        others = tuple(Release.of(*one) for one in named)
        if not found:
            return Standing("not-in-log", ABSENT, None, others)
        return _another(Release.of(*found[0], view.seen_at(found[0][0])), others)
    name = release_name(fitting[0][1])
    alike = [one for one in listed if name is not None and one[1].digest != digest and release_name(one[1]) == name]
    others = tuple(Release.of(index, entry, view.seen_at(index)) for index, entry in alike)
    release = Release.of(*fitting[0], view.seen_at(fitting[0][0]))
    where = f"entry {release.index} of {view.size} in {view.origin}"
    if not view.witnessed:
        return Standing("in-log", f"{where}; no witness is asked since when", release, others)
    if release.seen_at is None or release.seen_at > at:
        return Standing("not-seen", f"{where}, and no quorum had seen it by then", release, others)
    return Standing("in-log", f"{where}, seen by a quorum on {format_time(release.seen_at)}", release, others)


def _another(release: Release, others: tuple[Release, ...]) -> Standing:
    called = ", ".join(str(one) for one in release.name)
    return Standing("other-release", f"in the log as another release: {called}", release, others)


def proved(image: Path, proof: Path, policy: Policy, at: datetime) -> Release:
    """Return what a proof file shows of an image, without the log; raises RefusedError or UndecidedError.

    Steps: 1 the entry that the proof brings is a release, and of this image; 2 it is in the pinned log, and the quorum saw
    it; 3 no cosignature is later than the time of evaluation.
    """
    found = Proof.parse(read_file(proof, "proof", MAX_BYTES))
    if not found.extra:
        raise RefusedError("proof-form", "the proof does not bring its entry", hint="make it with `release check`")
    entry = Entry.parse(found.extra)
    if entry.kind != RELEASE:  # 1
        raise RefusedError("other-kind", f"it is in the log as {entry.kind}, and not as a release")
    if image_digest(image) != f"sha256:{entry.digest}":
        raise RefusedError("other-entry", f"the proof is not for {image.name} but for another image")
    witnessed = found.check(found.extra, policy)  # 2
    return Release.of(found.index, entry, policy.timely(witnessed, at))  # 3


def shown_by(release: Release, asked: Mapping[str, str]) -> Standing:
    """Return what a proof that holds says of an image; nothing of other images, which only the log itself can show."""
    if not asked.items() <= release.about.items():
        return _another(release, ())
    seen = "no witness is asked since when" if release.seen_at is None else f"seen on {format_time(release.seen_at)}"
    return Standing("in-log", f"entry {release.index}, by its proof; {seen}", release, ())


def record(view: LogView, agreement: Agreement | None, image: str, at: str) -> Record:
    """Return what a log shows on EV-08 of an image (`sha256:...`), as a derived record; raises RefusedError.

    It supports the clause where the image is in the log, seen by a quorum at the time. Absence contradicts it only in the
    log that the agreement names, and in a copy that witnesses saw within `MAX_AGE`: an old copy would accuse whoever
    released meanwhile. All else is incomplete, and so is everything where the policy asks no witness.
    """
    product = None if agreement is None else agreement.product_of(image)
    asked = {}
    if agreement is not None and product is not None:  # under another name it would be hidden where nobody looks
        asked = {"supplier": agreement.supplier, "product": product.name, "version": product.version}
    found = standing(view, image, parse_time(at), asked)
    outcome, text = _shown(view, found, agreement, parse_time(at))
    release = found.release
    supplier = release.about.get("supplier") if release is not None else None
    if not isinstance(supplier, str):
        supplier = "" if agreement is None else agreement.supplier
    seen = release.seen_at if release is not None else None
    return Record(
        clause=CLAUSE,
        kind=KIND,
        digest=digest_of({"derived": KIND, "image": image, "log": to_json(extract(view, [], [image], []))}),
        role=DERIVED,
        signers=(),
        images=(image,),
        supplier=supplier,
        who=view.origin,
        found=at if seen is None else min(at, format_time(seen)),
        until=LAST,
        outcome=outcome,
        explanation=text,
    )


def _shown(view: LogView, found: Standing, agreement: Agreement | None, at: datetime) -> tuple[Outcome, str]:
    agreed = None if agreement is None else agreement.logs.get(RELEASES)
    if not view.witnessed:  # then nothing tells when: neither that it was there before, nor that the copy is a new one
        return Outcome.INCOMPLETE, f"{found.text}; the policy asks no witness, so that no time is shown"
    if agreement is not None and agreed is None:
        return Outcome.INCOMPLETE, f"{found.text}; the agreement names no log of releases"
    if agreed is not None and agreed != view.key:
        return Outcome.INCOMPLETE, f"{view.origin} is another release log than the one that was agreed"
    if found.code == "not-in-log" and agreed is not None:
        if view.latest is not None and at - view.latest <= MAX_AGE:
            return Outcome.CONTRADICTS, f"{found.text}; {view.origin} is the agreed one, seen on {format_time(view.latest)}"
        return (
            Outcome.INCOMPLETE,
            f"not in this copy of the agreed log, which no witness saw in the last {MAX_AGE.days} days",
        )
    beside = "; the log calls other images the same release: entries " + ", ".join(
        str(one.index) for one in found.others[:10]
    )
    return Outcome.SUPPORTS if found.good else Outcome.INCOMPLETE, found.text + (beside if found.others else "")
