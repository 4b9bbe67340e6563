"""The channel between the parent and a confined process: frames over a stream socket.

A frame is one byte of kind, eight bytes of length (big endian), and the payload. From the child: `V` a JSON value, `B` a
blob, `R` a request for a blob by digest. From the parent: `F` with one file descriptor, or `N` for no. The parent reads
with bounds and never unpickles; a frame out of form ends the run.
"""

from __future__ import annotations

import array
import json
import mmap
import os
import socket
import struct
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

    def read(self, wanted: str) -> bytes:
        """Return the blob with this digest; raises KeyError where the parent refuses."""
        self._send(b"R", wanted.encode("ascii"))
        size = array.array("i").itemsize
        data, ancillary, _flags, _address = self._channel.recvmsg(HEADER.size, socket.CMSG_SPACE(size))
        if not data.startswith(b"F") or not ancillary:
            raise KeyError(wanted)
        descriptor = array.array("i", ancillary[0][2][:size])[0]
        try:
            length = os.fstat(descriptor).st_size
            if length == 0:
                return b""
            with mmap.mmap(descriptor, length, access=mmap.ACCESS_READ) as view:
                return view[:]
        finally:
            os.close(descriptor)

    def emit(self, value: JSON) -> None:
        """Send one JSON value."""
        self._send(b"V", json.dumps(value, ensure_ascii=True, allow_nan=False).encode("ascii"))

    def store(self, data: bytes) -> str:
        """Send one blob; return its digest."""
        self._send(b"B", data)
        return digest(data)

    def _send(self, kind: bytes, payload: bytes) -> None:
        self._channel.sendall(HEADER.pack(kind, len(payload)))
        self._channel.sendall(payload)
