"""The logs that whoever verifies a bundle trusts, one policy for each: which of them holds it, and what it tells of all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from aboveboard.model.errors import InputError
from aboveboard.pipelines import bundle_log
from aboveboard.pipelines.bundle_log import Seen
from aboveboard.pipelines.case_files import CaseFiles
from aboveboard.pipelines.log import LogView, log_view, read_policy
from aboveboard.pipelines.papers import Opened
from aboveboard.store.folder import FolderStore
from aboveboard.trust.checkpoint import check
from aboveboard.trust.log import CHECKPOINT
from aboveboard.trust.policy import Policy
from aboveboard.trust.proof import Proof
from aboveboard.trust.refusal import RefusedError, UndecidedError


def read_policies(paths: Sequence[Path]) -> tuple[Policy, ...]:
    """Read policies, each of another log; raises RefusedError or InputError."""
    policies = tuple(read_policy(path) for path in paths)
    if len({policy.log.to_text() for policy in policies}) != len(policies):
        raise InputError("two policies are of one log", hint="give one for each log")
    return policies


@dataclass(frozen=True)
class Trusted:
    """The policies, of which there is one at least, and what shows where the bundle stands: a proof, or the log itself."""

    policies: tuple[Policy, ...]
    proof: bytes | None = None
    log: Path | None = None

    @cached_property
    def holder(self) -> Policy:
        """Return the policy of the log that signed what is at hand; the first one where none of them did, which says so."""
        if len(self.policies) > 1:
            with suppress(RefusedError, InputError):
                checkpoint = self._checkpoint()
                for policy in self.policies:
                    with suppress(RefusedError):
                        check(checkpoint, policy.log, ())
                        return policy
        return self.policies[0]

    def _checkpoint(self) -> bytes:
        if self.log is not None:
            return FolderStore(self.log).read(CHECKPOINT) or b""
        return b"" if self.proof is None else Proof.parse(self.proof).checkpoint

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys of the logs that may hold the bundle: where nothing shows where it stands, of all."""
        shown = self.log is not None or self.proof is not None
        return tuple(policy.log.to_text() for policy in ((self.holder,) if shown else self.policies))

    @cached_property
    def view(self) -> LogView:
        """Return the log, audited; raises as `log_view` does."""
        if self.log is None:
            raise InputError("there is no log", hint="give --log")
        return log_view(self.log, self.holder)

    def seen(self, manifest: bytes, at: datetime) -> Seen:
        """Return what the log says of a manifest; raises RefusedError or UndecidedError."""
        if self.log is not None:
            return bundle_log.by_log(manifest, self.view, at)
        if self.proof is None:
            raise UndecidedError("no-proof", "no proof came with it", hint="give --proof, or the log with --log")
        return bundle_log.by_proof(manifest, self.proof, self.holder, at)

    def told(self, case: CaseFiles, papers: Opened, at: datetime) -> list[str]:
        """Hold what a bundle tells of logs against the log at hand, and of all others against their witnesses."""
        if self.log is None:
            return bundle_log.times_hold(case, *self.policies)
        others = tuple(policy for policy in self.policies if policy is not self.holder)
        return bundle_log.extracts_hold(case, papers, self.log, self.view, at, self.holder, others)
