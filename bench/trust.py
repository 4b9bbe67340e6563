"""What trust costs: offline checks of a sealed verdict, durable appends to a log, and a log of a million entries.

    .venv/bin/python bench/trust.py [--entries N] [--record]

Each figure stands beside a peer that is measured in the same run on the same bytes: bare Ed25519 of `cryptography` (and
the DSSE of securesystemslib, where that is there) for checks, one file that is written and flushed for appends, plain
SHA-256 of the same entries for audits. CPU seconds are those of the process, user and system. The disk is that of `TMPDIR`.
Each part runs in a process of its own, so that its peak of memory is its own. `--record` writes bench/results/trust.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from aboveboard.pipelines import bundle_log, log, log_writing  # noqa: E402 - they lie beside this folder
from aboveboard.pipelines.sealing import MANIFEST_NAME  # noqa: E402
from aboveboard.pipelines.verifying import Asked, Verification  # noqa: E402
from aboveboard.store.folder import FolderStore  # noqa: E402
from aboveboard.trust import attestation, dsse, tiles  # noqa: E402
from aboveboard.trust.attestation import VERDICT_NAME  # noqa: E402
from aboveboard.trust.audit import audit  # noqa: E402
from aboveboard.trust.checkpoint import WitnessKey  # noqa: E402
from aboveboard.trust.ed25519 import PrivateKey  # noqa: E402
from aboveboard.trust.entry import Entry  # noqa: E402
from aboveboard.trust.journal import Record  # noqa: E402
from aboveboard.trust.log import CHECKPOINT, Log  # noqa: E402
from aboveboard.trust.note import LogKey, parse  # noqa: E402
from aboveboard.trust.policy import NOBODY, Policy  # noqa: E402
from aboveboard.trust.proof import Proof  # noqa: E402

ORIGIN = "log.example/bench"
SMALL = 70_000  # entries of the log that holds the verdict: its proofs have 17 hashes
SECONDS = 3.0  # that a short thing is repeated
Figures = dict[str, Any]


def key(name: str) -> PrivateKey:
    return PrivateKey.from_seed(hashlib.sha256(name.encode()).digest())


KEY, ONE, TWO = key("log"), key("one"), key("two")
WITNESSES = (WitnessKey("w.example/one", ONE.public), WitnessKey("w.example/two", TWO.public))


def policy() -> Policy:
    lines = [f"log {LogKey(ORIGIN, KEY.public).to_text()}"]
    lines += [f"witness {one.name} {one.to_text()}" for one in WITNESSES]
    return Policy.parse("\n".join([*lines, "group both all w.example/one w.example/two", "quorum both"]))


def entry(number: int) -> bytes:
    """Return an entry as `log add` makes it, without the cost of making it."""
    digest = hashlib.sha256(b"%d" % number).hexdigest()
    return b'{"about":{"product":"AR-1","version":"%d"},"aboveboard":"log-entry/1","kind":"release","sha256":"%s"}' % (
        number,
        digest.encode(),
    )


def per_second(do: Callable[[], object]) -> tuple[float, float]:
    """Return how often something can be done in a second of CPU time, and of the clock on the wall."""
    do()
    count, cpu, wall = 0, time.process_time(), time.perf_counter()
    while time.process_time() - cpu < SECONDS:
        do()
        count += 1
    return count / (time.process_time() - cpu), count / (time.perf_counter() - wall)


def filled(folder: Path, count: int) -> Log:
    """Make a log of so many entries."""
    made = Log(FolderStore(folder), ORIGIN, KEY)
    made.create()
    grow(made, 0, count)
    return made


def grow(made: Log, first: int, last: int, batch: int = 1 << 15) -> None:
    """Add the entries of these numbers, many under one checkpoint."""
    for begin in range(first, last, batch):
        made.append([entry(number) for number in range(begin, min(begin + batch, last))])
    made.settle()


def checks(room: Path) -> Figures:
    """Check verdicts: signatures, statements and proof; then the whole `verify` of a small bundle."""
    from tests.attacks.bundles import RING, sealed, write
    from tests.attacks.keys import NOW

    bundle = sealed(room / "run")
    files = dict(bundle.files)
    manifest = files[MANIFEST_NAME]
    log_at = room / "log"
    place_of = SMALL // 3
    made = filled(log_at, place_of)
    about = attestation.read_manifest(dsse.parse(manifest)).about()
    made.append([Entry.of("bundle", manifest, about).to_bytes()])
    grow(made, place_of + 1, SMALL)
    at = NOW + timedelta(days=1)
    for witness, private in zip(WITNESSES, (ONE, TWO), strict=True):
        log_writing.witness(log_at, LogKey(ORIGIN, KEY.public), (witness.name, private), room / witness.name, NOW)
    proof = log.prove(log_at, None, place_of).to_bytes()
    trusted, publics = policy(), RING.publics()

    def check() -> None:
        for name, read in ((MANIFEST_NAME, attestation.read_manifest), (VERDICT_NAME, attestation.read_verdict)):
            envelope = dsse.parse(files[name])
            dsse.signers(envelope, dsse.STATEMENT, publics)
            read(envelope)
        bundle_log.by_proof(manifest, proof, trusted, at)

    place = write(room / "bundle", files)
    asked = Asked(
        RING, at, seen=lambda data: bundle_log.by_proof(data, proof, trusted, at), log_keys=(trusted.log.to_text(),)
    )

    def verify() -> None:
        assert Verification(place, asked).run().exit_code == 0

    signed = _signed(files, proof, publics)
    bare_cpu, bare_wall = per_second(lambda: [one.verify(*what) for one, what in signed])
    cpu, wall = per_second(check)
    whole, whole_wall = per_second(verify)
    found: Figures = {
        "signatures": len(signed),
        "proof_hashes": len(Proof.parse(proof).hashes),
        "proof_bytes": len(proof),
        "envelope_bytes": len(files[VERDICT_NAME]) + len(manifest),
        "per_cpu_second": round(cpu),
        "per_second": round(wall),
        "bare_signatures_per_cpu_second": round(bare_cpu),
        "bare_signatures_per_second": round(bare_wall),
        "ratio_to_bare": round(bare_cpu / cpu, 2),
        "whole_verify_per_cpu_second": round(whole, 1),
        "whole_verify_per_second": round(whole_wall, 1),
        "whole_verify_cpu_milliseconds": round(1000 / whole, 1),
    }
    return found | _peer(files)


def _signed(files: dict[str, bytes], proof: bytes, publics: Any) -> list[tuple[Any, tuple[bytes, bytes]]]:
    """Return every signature that a check looks at, for bare `cryptography`: key, signature and message."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    found = []
    for name in (MANIFEST_NAME, VERDICT_NAME):
        envelope = dsse.parse(files[name])
        for one in envelope.signatures:
            by = next(public for public in publics.values() if public.id == one.keyid)
            found.append((by, (one.bytes, envelope.signed_bytes)))
    note = parse(Proof.parse(proof).checkpoint)
    keys = {LogKey(ORIGIN, KEY.public).key_id: KEY.public} | {one.key_id: one.public for one in WITNESSES}
    for line in note.lines:
        by, text = keys[line.key_id], note.text.encode()
        if line.name != ORIGIN:
            text = b"cosignature/v1\ntime %d\n" % int.from_bytes(line.signature[:8], "big") + text
        found.append((by, (line.signature[-64:], text)))
    return [(Ed25519PublicKey.from_public_bytes(by.raw), what) for by, what in found]


def _peer(files: dict[str, bytes]) -> Figures:
    """Check both envelopes with the DSSE of securesystemslib, and with ours."""
    try:
        from securesystemslib.dsse import Envelope
        from securesystemslib.signer import SSlibKey
    except ImportError:
        return {}
    from tests.attacks.bundles import RING

    names = (MANIFEST_NAME, VERDICT_NAME)
    known = [SSlibKey(public.id, "ed25519", "ed25519", {"public": public.raw.hex()}) for public in RING.publics().values()]
    publics = RING.publics()

    def theirs() -> None:
        for name in names:
            Envelope.from_dict(json.loads(files[name])).verify(known, 1)

    def ours() -> None:
        for name in names:
            dsse.signers(dsse.parse(files[name]), dsse.STATEMENT, publics)

    return {
        "envelope_pairs_per_cpu_second": round(per_second(ours)[0]),
        "securesystemslib_envelope_pairs_per_cpu_second": round(per_second(theirs)[0]),
    }


def appends(room: Path) -> Figures:
    """Append durably, entry by entry and in batches, beside one file to which the same bytes are written and flushed."""
    found: Figures = {}
    for name, batch, times in (("single", 1, 1000), ("batched", 256, 200)):
        made = filled(room / name, 1000)
        packed = Record(
            1000, (room / name / CHECKPOINT).read_bytes(), [entry(number) for number in range(batch)]
        ).to_bytes()
        floor = _floor(room / f"{name}.floor", packed, times)
        cpu, wall = time.process_time(), time.perf_counter()
        for number in range(times):
            made.append([entry(number * batch + at) for at in range(batch)])
        made.settle()
        took, busy = time.perf_counter() - wall, time.process_time() - cpu
        again = _floor(room / f"{name}.again", packed, times)  # a disk has moods: the floor is asked before and after
        found[name] = {
            "entries_each": batch,
            "entries_per_second": round(batch * times / took),
            "entries_per_cpu_second": round(batch * times / busy),
            "written_and_flushed_per_second": [round(batch * times / one) for one in (floor, again)],
            "ratio_to_floor": round(took / ((floor + again) / 2), 2),
        }
    return found


def _floor(place: Path, packed: bytes, times: int) -> float:
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    began = time.perf_counter()
    for _ in range(times):
        os.write(descriptor, packed)
        os.fdatasync(descriptor)
    os.close(descriptor)
    return time.perf_counter() - began


def _timed(do: Callable[[], object]) -> tuple[Figures, Any]:
    cpu, wall = time.process_time(), time.perf_counter()
    given = do()
    figures = {
        "seconds": round(time.perf_counter() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    return figures, given


def build(folder: Path, count: int) -> Figures:
    figures, _ = _timed(lambda: filled(folder, count))
    files = [path for path in folder.rglob("*") if path.is_file()]
    return figures | {
        "files": len(files),
        "mib": round(sum(path.stat().st_size for path in files) / 2**20),
        "mib_on_disk": round(sum(path.stat().st_blocks * 512 for path in files) / 2**20),
    }


def proofs(folder: Path, count: int) -> Figures:
    nobody = Policy(LogKey(ORIGIN, KEY.public), (), {}, NOBODY)
    data = log.prove(folder, None, count // 3).to_bytes()
    proof = Proof.parse(data)
    made = per_second(lambda: log.prove(folder, None, count // 3))
    return {
        "hashes": len(proof.hashes),
        "hash_bytes": 32 * len(proof.hashes),
        "bytes": len(data),
        "made_per_cpu_second": round(made[0]),
        "checked_per_cpu_second": round(per_second(lambda: Proof.parse(data).check(entry(count // 3), nobody))[0]),
    }


def audited(folder: Path, count: int) -> Figures:
    """Audit, then hash as many entries plainly."""
    nobody = Policy(LogKey(ORIGIN, KEY.public), (), {}, NOBODY)
    figures, found = _timed(lambda: audit(FolderStore(folder).read, nobody))
    assert found.entries == count
    read = FolderStore(folder).read
    plain = 0.0
    for index in range(count // tiles.WIDTH):
        some = tiles.unpack(read(tiles.bundle_path(index)) or b"", tiles.WIDTH)
        began = time.process_time()
        for one in some:
            hashlib.sha256(one).digest()
        plain += time.process_time() - began
    ratio = round(figures["cpu_seconds"] / plain, 1)
    return figures | {"tiles": found.tiles, "plain_sha256_cpu_seconds": round(plain, 2), "ratio_to_plain": ratio}


def viewed(folder: Path, count: int) -> Figures:
    nobody = Policy(LogKey(ORIGIN, KEY.public), (), {}, NOBODY)
    figures, view = _timed(lambda: log.log_view(folder, nobody))
    assert len(view.found) == count
    return figures


PARTS: dict[str, Callable[..., Figures]] = {
    "checks": checks,
    "appends": appends,
    "build": build,
    "proofs": proofs,
    "audit": audited,
    "view": viewed,
}


def apart(name: str, *words: object) -> Figures:
    """Run a part in a process of its own."""
    command = [sys.executable, __file__, "--part", name, *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: Figures = json.loads(done.stdout)
    print(name, json.dumps(found), file=sys.stderr, flush=True)
    return found


def main() -> None:
    if sys.argv[1:2] == ["--part"]:
        print(json.dumps(PARTS[sys.argv[2]](Path(sys.argv[3]), *map(int, sys.argv[4:]))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--record", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aboveboard-trust-") as scratch:
        room = Path(scratch)
        result = {name: apart(name, room / name) for name in ("checks", "appends") if (room / name).mkdir() is None}
        large = {name: apart(name, room / "large", asked.entries) for name in ("build", "proofs", "audit", "view")}
    result |= {
        "log": {"entries": asked.entries, **large},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "command": f".venv/bin/python bench/trust.py {' '.join(sys.argv[1:])}".strip(),
    }
    print(json.dumps(result, indent=1))
    if asked.record:
        (ROOT / "bench/results/trust.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
