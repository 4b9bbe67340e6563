"""The channel between the parent and a confined process: frames over a stream socket.

A frame is one byte of kind, eight bytes of length (big endian), and the payload. From the child: `V` a JSON value, `P` a
part of a blob, `B` its last part, `X` to drop the parts, `R` a request for a blob by digest. From the parent: `F` with one
file descriptor, or `N` for no. The parent reads with bounds and never unpickles; a frame out of form ends the run.
"""

from __future__ import annotations

import array
import hashlib
import json
import mmap
import os
import socket
import struct
from collections.abc import Iterable
from typing import cast

from aboveboard.model.canonical import JSON, digest

HEADER = struct.Struct(">cQ")
MAX_VALUE = 64 * 1024 * 1024
SMALL = 1 << 16


def receive_exactly(channel: socket.socket, size: int) -> bytes:
    """Return `size` bytes, or fewer where the other side has gone."""
    if size <= SMALL:
        parts = b""
        while len(parts) < size and (part := channel.recv(size - len(parts))):
            parts += part
        return parts
    whole, at = bytearray(size), 0  # one copy: a blob may be large
    with memoryview(whole) as view:
        while at < size and (got := channel.recv_into(view[at:], min(size - at, 1 << 20))):
            at += got
    return cast("bytes", whole) if at == size else bytes(whole[:at])


def send_descriptor(channel: socket.socket, descriptor: int | None) -> None:
    """Answer a request: the descriptor, or no."""
    if descriptor is None:
        channel.sendall(HEADER.pack(b"N", 0))
        return
    socket.send_fds(channel, [HEADER.pack(b"F", 0)], [descriptor])


class ChildChannel:
    """The confined side of the channel; it is the `Inside` that jailed functions see."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def read(self, wanted: str, limit: int | None = None) -> bytes:
        """Return the blob with this digest, or its first `limit` bytes; raises KeyError where the parent refuses."""
        descriptor = self.open(wanted)
        try:
            length = os.fstat(descriptor).st_size
            if length == 0:
                return b""
            with mmap.mmap(descriptor, length, access=mmap.ACCESS_READ) as view:
                return view[:limit]
        finally:
            os.close(descriptor)

    def open(self, wanted: str) -> int:
        """Return a read-only descriptor of the blob, for the caller to close; raises KeyError where the parent refuses."""
        self._send(b"R", wanted.encode("ascii"))
        size = array.array("i").itemsize
        data, ancillary, _flags, _address = self._channel.recvmsg(HEADER.size, socket.CMSG_SPACE(size))
        if not data.startswith(b"F") or not ancillary:
            raise KeyError(wanted)
        return array.array("i", ancillary[0][2][:size])[0]

    def emit(self, value: JSON) -> None:
        """Send one JSON value."""
        self._send(b"V", json.dumps(value, ensure_ascii=True, allow_nan=False).encode("ascii"))

    def store(self, data: bytes) -> str:
        """Send one blob; return its digest."""
        self._send(b"B", data)
        return digest(data)

    def store_parts(self, parts: Iterable[bytes]) -> tuple[str, int]:
        """Send one blob as it is made; return its digest and size. What `parts` raises comes out: no blob."""
        hasher, size = hashlib.sha256(), 0
        try:
            for part in parts:
                hasher.update(part)
                size += len(part)
                self._send(b"P", part)
        except Exception:
            self._send(b"X", b"")
            raise
        self._send(b"B", b"")
        return "sha256:" + hasher.hexdigest(), size

    def _send(self, kind: bytes, payload: bytes) -> None:
        self._channel.sendall(HEADER.pack(kind, len(payload)))
        self._channel.sendall(payload)
