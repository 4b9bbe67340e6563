"""Makes the pictures of the report: inspects the example and takes its report in Debian's chromium, headless.

    .venv/bin/python docs/pictures/make.py

Needs the Debian package chromium. The window of a headless chromium is never narrower than 500 pixels, so the telephone is
a frame of 390 pixels in a page, and the picture is cut to it.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
AT = "2026-01-01T00:00:00Z"
LIMIT = 200_000  # bytes of a picture in the tree
FLAGS = (
    "--headless",
    "--no-sandbox",  # as root; the only page is our own report, which holds no script
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # the browser's own calls home find nobody
    "--force-device-scale-factor=1",
)
PHONE = 390
STYLE = "<!doctype html><style>body{{margin:0}}iframe{{border:0;width:{width}px;height:{height}px}}</style>"
FRAME = STYLE + '<iframe src="{page}">'


def report(folder: Path) -> Path:
    """Inspect the example and return its report."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "ABOVEBOARD_CACHE": str(folder / "cache")}
    command = [sys.executable, "-m", "aboveboard.cli.main", "inspect", "examples/router.bin", "--at", AT]
    command += ["--declaration", "examples/router.declaration.yaml", "--out", str(folder / "report")]
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=False)
    return folder / "report" / "report.html"


def take(page: Path, picture: Path, width: int, height: int) -> None:
    """Take a picture of the top of a page, with a new and empty profile."""
    with tempfile.TemporaryDirectory() as profile:
        shot = Path(profile) / "shot.png"
        shown = page
        if width < 500:
            shown = Path(profile) / "frame.html"
            shown.write_text(FRAME.format(width=width, height=height, page=page.as_uri()), encoding="utf-8")
        where = [f"--user-data-dir={profile}/data", f"--window-size={max(width, 500)},{height}", f"--screenshot={shot}"]
        subprocess.run(["chromium", *FLAGS, *where, shown.as_uri()], capture_output=True, check=True, timeout=120)
        picture.write_bytes(smaller(shot.read_bytes(), width, height))


def smaller(png: bytes, width: int, height: int) -> bytes:
    """Cut a PNG to a size and give it a palette of at most 256 colours (PNG, third edition, sections 9 to 11)."""
    rows = pixels(png)[:height]
    coarse = [[tuple(row[x * 3 + c] & 0xF8 | row[x * 3 + c] >> 5 for c in range(3)) for x in range(width)] for row in rows]
    counts: dict[tuple[int, ...], int] = {}
    for line in coarse:
        for colour in line:
            counts[colour] = counts.get(colour, 0) + 1
    palette = sorted(counts, key=lambda colour: (-counts[colour], colour))[:256]
    index = {colour: number for number, colour in enumerate(palette)}
    for colour in counts:
        if colour not in index:
            index[colour] = min(
                range(len(palette)), key=lambda n: sum((a - b) ** 2 for a, b in zip(palette[n], colour, strict=True))
            )
    raw = b"".join(b"\0" + bytes(index[colour] for colour in line) for line in coarse)
    head = struct.pack(">IIBBBBB", width, len(rows), 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", head),
        (b"PLTE", b"".join(map(bytes, palette))),
        (b"IDAT", zlib.compress(raw, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return one chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pixels(png: bytes) -> list[bytes]:
    """Return the rows of an 8-bit RGB or RGBA PNG as RGB; its filters undone."""
    at, packed, width, channels = 8, b"", 0, 3
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, channels = struct.unpack_from(">I", data)[0], {2: 3, 6: 4}[data[9]]
        elif kind == b"IDAT":
            packed += data
        at += size + 12
    raw, stride = zlib.decompress(packed), width * channels
    rows: list[bytes] = []
    before = bytearray(stride)
    for start in range(0, len(raw), stride + 1):
        line = unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + stride]), before, channels)
        rows.append(bytes(line[x + c] for x in range(0, stride, channels) for c in range(3)))
        before = line
    return rows


def unfiltered(kind: int, line: bytearray, above: bytearray, step: int) -> bytearray:
    """Undo the filter of one row (section 9.2)."""
    for x in range(len(line)):
        left = line[x - step] if x >= step else 0
        corner = above[x - step] if x >= step else 0
        line[x] = (line[x] + (0, left, above[x], (left + above[x]) // 2, paeth(left, above[x], corner))[kind]) & 0xFF
    return line


def paeth(left: int, above: int, corner: int) -> int:
    """Return the neighbour that is nearest to their linear guess (section 9.4)."""
    guess = left + above - corner
    return min((left, above, corner), key=lambda value: abs(guess - value))


def main() -> None:
    """Make both pictures."""
    with tempfile.TemporaryDirectory() as scratch:
        page = report(Path(scratch))
        for name, width, height in (("report-desktop", 1100, 900), ("report-phone", PHONE, 844)):
            picture = HERE / f"{name}.png"
            take(page, picture, width, height)
            size = picture.stat().st_size
            sys.stdout.write(f"{picture.name}: {size} bytes\n")
            if size >= LIMIT:
                raise SystemExit(f"{picture.name} is larger than {LIMIT} bytes")


if __name__ == "__main__":
    main()
