"""The people who decide: who they are, and what they may decide."""

from __future__ import annotations

from fnmatch import fnmatchcase

from pydantic import Field

from .settings import Settings


class Person(Settings):
    """Somebody who may approve what agents ask for.

    Args:
        roles: The roles that this person has; an approval asks for one of them.
        principals: Patterns of the principals under which this person asks for something in person; nobody approves
            what they asked for themselves. The person's own name always counts.
    """

    roles: tuple[str, ...] = Field(min_length=1)
    principals: tuple[str, ...] = ()

    def is_requester(self, name: str, principal: str) -> bool:
        """Whether it was this person who asked.

        Args:
            name: The person's name.
            principal: Who asked.
        """
        return principal == name or any(fnmatchcase(principal, pattern) for pattern in self.principals)
