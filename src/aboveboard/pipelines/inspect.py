"""Inspect an image: unpack, collect, judge. Joins the rooms; decides nothing itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from aboveboard.evidence.runner import Runner, tree_of
from aboveboard.judge.judge import judge
from aboveboard.model.evidence import Evidence
from aboveboard.model.manifest import Manifest, Owed
from aboveboard.model.paths import show
from aboveboard.model.standard import Standard
from aboveboard.model.verdict import Verdict
from aboveboard.pipelines.paper_files import Handed, extracted, papers_of, ring_of
from aboveboard.pipelines.papers import Opened as OpenedPapers
from aboveboard.pipelines.papers import Papers, not_counted
from aboveboard.pipelines.papers import opened as open_papers
from aboveboard.pipelines.tools import surroundings, tools
from aboveboard.pipelines.unpack import UNPACKING, Opened, open_subject
from aboveboard.pipelines.workbench import Bench, Progress, bench
from aboveboard.standard import reader
from aboveboard.subjects.image import opened_containers
from aboveboard.trust.strict import parse_time


@dataclass(frozen=True)
class Options:
    """What `inspect` was asked for. `at` is RFC 3339 text; `cache` is None for a run that keeps nothing."""

    profile: str | None
    at: str
    handed: Handed = field(default_factory=Handed)
    jobs: int = 1
    cache: Path | None = None
    confined: bool = True


@dataclass(frozen=True)
class Inspected:
    """Everything that a run gave: what is printed, and what is written for others to judge again."""

    verdict: Verdict
    standard: Standard
    manifest: Manifest
    evidence: tuple[Evidence, ...]
    opened: Opened
    reused: int
    papers: Papers
    known: OpenedPapers


@dataclass(frozen=True)
class Collected:
    """What was collected of an image."""

    opened: Opened
    owed: tuple[Owed, ...]
    evidence: tuple[Evidence, ...]
    reused: int

    def manifest(self, target: Path, *, confined: bool, known: OpenedPapers) -> Manifest:
        """Return the manifest of the run."""
        name = show(target.name.encode("utf-8", "surrogateescape"))
        return Manifest(
            name, self.opened.digest, self.opened.size, self.owed, confined, known.handed_in, set_aside=known.set_aside
        )


def inspect(target: Path, options: Options, progress: Progress) -> Inspected:
    """Rule on an image or a folder; raises InputError for what cannot be read, RefusedError for papers that do not hold."""
    standard = reader.load()
    at = parse_time(options.at)
    with bench(options.cache, options.jobs, progress, confined=options.confined) as tools_here:
        ring = ring_of(options.handed.keys, at)
        papers = papers_of(options.handed, options.profile, tools_here.jail, tools_here.blobs)
        known = open_papers(papers, ring, standard, at)
        image = unpack(target, tools_here)
        papers = extracted(papers, known, image.digest)
        known = open_papers(papers, ring, standard, at, image.digest)
        for line in not_counted(known, image.digest):
            progress(line)
        found = collect(image, tools_here)
        manifest = found.manifest(target, confined=options.confined, known=known)
        progress("judging")
        verdict = judge(
            manifest,
            found.evidence,
            standard,
            known.profile,
            known.declaration,
            options.at,
            known.agreement,
            known.records,
        )
        return Inspected(verdict, standard, manifest, found.evidence, image, found.reused, papers, known)


def unpack(target: Path, here: Bench) -> Opened:
    """Unpack an image, or take a folder as a root tree; raises InputError for what cannot be read at all."""
    here.progress("unpacking")
    return open_subject(target, here.jail, here.blobs, here.cache, here.progress)


def collect(image: Opened, here: Bench) -> Collected:
    """Let every collector look at what was unpacked."""
    runner = Runner(
        here.jail,
        here.blobs,
        here.cache,
        tools=tools(),
        around=surroundings(),
        opened=opened_containers(image.accounts),
        jobs=here.jobs,
        progress=here.progress,
    )
    collected = runner.run([tree_of(tree.container, tree.entries, here.blobs) for tree in image.trees])
    unpacking = Owed(UNPACKING, image.evidence.version, image.digest)
    owed = tuple(sorted((unpacking, *collected.owed)))
    return Collected(image, owed, (image.evidence, *collected.evidence), collected.reused + image.reused)
