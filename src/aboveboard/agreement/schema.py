"""The closed schema of a declaration: what each section may say, as msgspec structures."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Text = Annotated[str, Meta(min_length=1, max_length=2000)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Digest = Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$")]
Date = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class _Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """An item of a section: an unknown field is an error, so a slip of the pen cannot permit anything."""


class Service(_Item, frozen=True, kw_only=True):
    """A port that answers (NB-04, NB-05)."""

    name: Text
    proto: Literal["tcp", "udp", "sctp"]
    port: Port
    purpose: Text
    program: Text | None = None
    interface: Text | None = None  # lan, wan, management ...


class Account(_Item, frozen=True, kw_only=True):
    """An account, authorised key, SNMP community or token that exists (NB-03)."""

    name: Text
    purpose: Text
    login: bool = True


class Destination(_Item, frozen=True, kw_only=True):
    """An outside address that the equipment contacts or is coded to contact (NS-01, NS-02, NS-04)."""

    host: Text  # a name, `*.name`, or an address
    purpose: Text
    port: Port | None = None
    protocol: Text | None = None
    phase: Literal["setup", "boot", "idle", "update", "fault", "any"] = "any"
    default: Literal["on", "off"] = "on"
    operator: Text | None = None
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}$")] | None = None


class Debug(_Item, frozen=True, kw_only=True):
    """Debug access as shipped (NB-07)."""

    what: Literal["telnet", "adb", "gdbserver", "serial", "shell", "jtag", "unlock"]
    purpose: Text
    protection: Text | None = None


class Named(_Item, frozen=True, kw_only=True):
    """Anything else that is declared by name and purpose."""

    name: Text
    purpose: Text
    detail: Text | None = None


class Traffic(_Item, frozen=True, kw_only=True):
    """A function that copies, tunnels, forwards or records traffic (NS-07)."""

    name: Text
    what: Literal["tunnel", "mirror", "port-forward", "remote-management", "remote-access", "capture"]
    purpose: Text


class Sections(_Item, frozen=True, kw_only=True):
    """The sections. A list is a statement, an empty list says "none", and what is absent is not declared."""

    services: list[Service] | msgspec.UnsetType = msgspec.UNSET
    accounts: list[Account] | msgspec.UnsetType = msgspec.UNSET
    destinations: list[Destination] | msgspec.UnsetType = msgspec.UNSET
    data_categories: list[Named] | msgspec.UnsetType = msgspec.UNSET
    update: list[Named] | msgspec.UnsetType = msgspec.UNSET
    debug: list[Debug] | msgspec.UnsetType = msgspec.UNSET
    processors: list[Named] | msgspec.UnsetType = msgspec.UNSET
    components: list[Named] | msgspec.UnsetType = msgspec.UNSET
    variants: list[Named] | msgspec.UnsetType = msgspec.UNSET
    interception: list[Named] | msgspec.UnsetType = msgspec.UNSET
    remote_support: list[Named] | msgspec.UnsetType = msgspec.UNSET
    traffic: list[Traffic] | msgspec.UnsetType = msgspec.UNSET
    storage: list[Named] | msgspec.UnsetType = msgspec.UNSET
    jurisdictions: list[Named] | msgspec.UnsetType = msgspec.UNSET
    ownership: list[Named] | msgspec.UnsetType = msgspec.UNSET
    support: list[Named] | msgspec.UnsetType = msgspec.UNSET


class Declared(_Item, frozen=True, kw_only=True):
    """The whole declaration of a supplier for named images."""

    aboveboard: Literal["declaration/1"]
    supplier: Text
    product: Text
    version: Text
    date: Date
    images: list[Digest]
    declares: Sections
