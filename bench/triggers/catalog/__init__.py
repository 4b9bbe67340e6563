"""The programs of the bench."""

from bench.triggers.catalog import daemons, files, logins, web
from bench.triggers.model import Case

CASES: tuple[Case, ...] = (*web.CASES, *logins.CASES, *daemons.CASES, *files.CASES)
