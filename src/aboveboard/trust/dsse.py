"""Envelopes: DSSE 1.0.2, signed with Ed25519.

The signature covers the type and the exact bytes; nothing is parsed again before it is checked, and nothing that the
envelope says of its keys is believed: `keyid` is a hint that may be missing or lie.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aboveboard.model.canonical import canonical
from aboveboard.trust.ed25519 import PrivateKey, PublicKey
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import decode_base64, encode_base64, parse_json

STATEMENT = "application/vnd.in-toto+json"
MAX_SIGNATURES = 64
MAX_PAYLOAD = 16 << 20  # bytes


@dataclass(frozen=True)
class Signature:
    """One signature as it stands in an envelope: the hint and the bytes."""

    keyid: str
    bytes: bytes


@dataclass(frozen=True)
class Envelope:
    """An envelope that is well formed; nothing in it is trusted before `signers` has been asked."""

    type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    @property
    def signed_bytes(self) -> bytes:
        """Return what the signatures cover."""
        return pae(self.type, self.payload)

    def to_bytes(self) -> bytes:
        """Return the envelope as canonical JSON."""
        return canonical(
            {
                "payloadType": self.type,
                "payload": encode_base64(self.payload),
                "signatures": [{"keyid": one.keyid, "sig": encode_base64(one.bytes)} for one in self.signatures],
            }
        )


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the pre-authentication encoding (DSSE protocol, section Signature Definition)."""
    name = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def parse(data: bytes) -> Envelope:
    """Read an envelope; raises RefusedError for what is not one, or is larger than one is."""
    value = parse_json(data, limit=2 * MAX_PAYLOAD)
    if not isinstance(value, dict) or not {"payload", "payloadType", "signatures"} <= set(value):
        raise RefusedError("envelope-form", "not a DSSE envelope: payload, payloadType and signatures are wanted")
    payload, payload_type, listed = value["payload"], value["payloadType"], value["signatures"]
    if not isinstance(payload, str) or not isinstance(payload_type, str) or not isinstance(listed, list):
        raise RefusedError("envelope-form", "payload and payloadType are texts, signatures is a list")
    if not listed:
        raise RefusedError("unsigned", "the envelope holds no signature")
    if len(listed) > MAX_SIGNATURES:
        raise RefusedError("too-large", f"{len(listed)} signatures, at most {MAX_SIGNATURES} are looked at")
    content = decode_base64(payload, url_safe=True)
    if len(content) > MAX_PAYLOAD:
        raise RefusedError("too-large", f"a payload of {len(content)} bytes, at most {MAX_PAYLOAD} are taken")
    return Envelope(payload_type, content, tuple(_signature(one) for one in listed))


def _signature(value: object) -> Signature:
    if not isinstance(value, dict) or not isinstance(value.get("sig"), str):
        raise RefusedError("envelope-form", "a signature is an object with sig")
    keyid = value.get("keyid", "")
    return Signature(keyid if isinstance(keyid, str) else "", decode_base64(value["sig"], url_safe=True))


def seal(payload_type: str, payload: bytes, keys: Iterable[PrivateKey]) -> Envelope:
    """Return an envelope signed by each of the keys."""
    message = pae(payload_type, payload)
    return Envelope(payload_type, payload, tuple(Signature(key.public.id, key.sign(message)) for key in keys))


def countersign(envelope: Envelope, key: PrivateKey) -> Envelope:
    """Return the envelope with one more signature over the same bytes; a signature by this key is replaced."""
    mine = Signature(key.public.id, key.sign(envelope.signed_bytes))
    others = tuple(one for one in envelope.signatures if not key.public.verifies(one.bytes, envelope.signed_bytes))
    return Envelope(envelope.type, envelope.payload, (*others, mine))


def signers(envelope: Envelope, payload_type: str, keys: Mapping[str, PublicKey]) -> frozenset[str]:
    """Return the names of those of `keys` that signed the envelope; raises RefusedError.

    Steps: 1 the type is the one that the caller expects, so that bytes signed for one use serve no other; 2 every
    signature is tried with every key, the hinted one first, for hints may lie, and the algorithm is the key's, never the
    envelope's; 3 a signature that claims a known key and is not that key's is refused, an unknown one is passed over; 4 a
    key counts once, whatever it is called.
    """
    if envelope.type != payload_type:  # 1
        raise RefusedError("payload-type", f"signed as {envelope.type[:80]!r}, wanted as {payload_type!r}")
    message = envelope.signed_bytes
    ids = {key.id: name for name, key in keys.items()}
    found: set[str] = set()
    raw: set[bytes] = set()
    for signature in envelope.signatures:  # 2
        likely_first = sorted(keys, key=lambda name: keys[name].id != signature.keyid)
        name = next((name for name in likely_first if keys[name].verifies(signature.bytes, message)), None)
        if name is None:
            if signature.keyid in ids or signature.keyid in keys:  # 3
                raise RefusedError("signature", f"a signature in the name of {signature.keyid[:64]!r} does not hold")
            continue
        if keys[name].raw not in raw:  # 4
            raw.add(keys[name].raw)
            found.add(name)
    if not found:
        raise RefusedError("signature", "no signature of a known key")
    return frozenset(found)
