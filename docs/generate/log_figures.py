"""The figures on the page of the log: written from the result of the bench of trust, never typed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/how/log.md"
TRUST = ROOT / "bench/results/trust.json"
_PARTS = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- end of figures -->)", re.DOTALL)


def figures() -> str:
    """Return the part of the page that holds the figures."""
    found: Any = json.loads(TRUST.read_text(encoding="utf-8"))
    checks, single, batched = found["checks"], found["appends"]["single"], found["appends"]["batched"]
    log = found["log"]
    build, proofs, audit, view = log["build"], log["proofs"], log["audit"], log["view"]
    rows = [
        ("what", "figure", "beside it, in the same run"),
        ("---", "---", "---"),
        (
            f"check of a sealed verdict: {checks['signatures']} signatures, {checks['proof_hashes']} hashes, strict JSON",
            f"{checks['per_cpu_second']:,} per CPU second",
            f"the signatures alone, with `cryptography`: {checks['bare_signatures_per_cpu_second']:,}",
        ),
        (
            "both envelopes of a bundle, signatures alone",
            f"{checks['envelope_pairs_per_cpu_second']:,} per CPU second",
            f"securesystemslib, which reads JSON loosely: {checks['securesystemslib_envelope_pairs_per_cpu_second']:,}",
        ),
        ("`verify` of a small bundle, judged again", f"{checks['whole_verify_cpu_milliseconds']} ms of CPU time", ""),
        *(
            (
                f"durable entries, {one['entries_each']} to a checkpoint",
                f"{one['entries_per_second']:,} per second",
                f"the same bytes written and flushed to one file: {min(one['written_and_flushed_per_second']):,}",
            )
            for one in (single, batched)
        ),
        (f"a log of {log['entries']:,} entries: built in", f"{build['seconds']} s, {build['peak_mib']} MiB", ""),
        ("on disk", f"{build['files']:,} files, {build['mib_on_disk']} MiB", ""),
        ("a proof", f"{proofs['hashes']} hashes ({proofs['hash_bytes']} bytes), {proofs['bytes']:,} bytes in all", ""),
        (
            "proofs made and checked",
            f"{proofs['made_per_cpu_second']:,} and {proofs['checked_per_cpu_second']:,} per CPU second",
            "",
        ),
        (
            "audit of every entry and tile",
            f"{audit['seconds']} s, {audit['peak_mib']} MiB",
            f"plain SHA-256 of the entries: {audit['plain_sha256_cpu_seconds']} s",
        ),
        ("audit with every entry kept, as `verify --log` does", f"{view['seconds']} s, {view['peak_mib']} MiB", ""),
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    said = f"On {found['machine']}, {found['date']}; recorded in `bench/results/trust.json`."
    return f"\n{said}\n\n{table}\n\n"


def shown() -> str | None:
    """Return what the page holds there."""
    found = _PARTS.search(PAGE.read_text(encoding="utf-8"))
    return found[0] if found else None


def write() -> None:
    """Put the figures into the page."""
    PAGE.write_text(_PARTS.sub(lambda _: figures(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
