"""Short histories as a company's systems would have recorded them, and the home that they are loaded into.

What belongs here: writing raw rows. What a history must come out as is said in the tests.
"""

import hashlib
import json
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

Row = dict[str, Any]

FULL_PROFILE: Row = {
    "job_title": "Marketing Manager",
    "department": "Marketing",
    "industry": "software",
    "company_size": "1000+",
    "country": "DE",
}
"""Worth 24 fit points: manager 6, department 4, industry 4, size 8, company mailbox 2."""

PLAIN_PROFILE: Row = {"job_title": "Assistant", "company_size": "1-49", "country": "DE"}
"""Worth 2 fit points, for the company mailbox; with company and mobile it completes the full gate."""


@dataclass
class Company:
    """Everything that landed, by raw table, and the people it is about by their e-mail address."""

    tables: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))

    def add(self, table: str, **row: Any) -> None:
        """Append one raw row."""
        self.tables[table].append(row)

    def write(self, landing: Path, arrived_at: datetime, first_sequence: int = 1) -> None:
        """Write one landing file per table, with its arrival beside it; a later night begins with a later sequence."""
        for sequence, (table, rows) in enumerate(sorted(self.tables.items()), start=first_sequence):
            source, name = table.split(".")
            folder = landing / source / name / f"{arrived_at:%Y-%m-%d}"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / "stories.jsonl"
            content = "".join(json.dumps(row) + "\n" for row in rows).encode()
            path.write_bytes(content)
            sidecar = {
                "arrived_at": f"{arrived_at:%Y-%m-%dT%H:%M:%SZ}",
                "load_sequence": sequence,
                "sha256": hashlib.sha256(content).hexdigest(),
                "source_system": "stories",
            }
            path.with_name(path.name + ".arrival.json").write_text(json.dumps(sidecar))


@dataclass
class Person:
    """One person of a story; every method is something that the person or the CRM did."""

    company: Company
    slug: str
    profile: Row = field(default_factory=lambda: dict(FULL_PROFILE))
    steps: int = 0

    @property
    def email(self) -> str:
        """A mailbox at a company of the person's own, so that no two stories meet."""
        return f"{self.slug}@{self.slug}-works.com"

    @property
    def lead_id(self) -> str:
        """Id of the person's CRM lead."""
        return f"L-{self.slug}"

    @property
    def contact_id(self) -> str:
        """Id of the person's CRM contact."""
        return f"C-{self.slug}"

    @property
    def mobile(self) -> str:
        """A German mobile number of the person's own, with no run of digits that would look made up."""
        return f"+49 151 2{zlib.crc32(self.slug.encode()) % 10**7:07d}"

    def _next(self, letter: str) -> str:
        self.steps += 1
        return f"{letter}-{self.slug}-{self.steps}"

    def _identity(self) -> Row:
        return {
            "email": self.email,
            "full_name": f"{self.slug.title()} Muster",
            "company": f"{self.slug.title()} Works GmbH",
            "phone": self.mobile,
            **self.profile,
        }

    def submits(self, at: str, form_type: str, *, without: tuple[str, ...] = (), **more: str) -> None:
        """Send a form with the whole profile, less the named fields."""
        identity = {key: value for key, value in self._identity().items() if key not in without}
        self.company.add(
            "forms.submissions", submission_id=self._next("F"), submitted_at=at, form_type=form_type, **identity, **more
        )

    def comes_to_event(self, at: str) -> None:
        """Check in at an event with the mailbox alone: 20 points."""
        self.company.add(
            "events.attendance",
            event_id="E-1",
            registration_id=self._next("R"),
            checked_in_at=at,
            email=self.email,
        )

    def touches(self, at: str, kind: str, **more: Any) -> None:
        """One tracked interaction of a known mailbox."""
        row = {"interaction_id": self._next("I"), "occurred_at": at, "type": kind, "email": self.email}
        self.company.add("engagement.interactions", **row, **more)

    def browses(self, at: str, kind: str, **more: Any) -> None:
        """One tracked interaction of the person's device, with nothing to tell who it is."""
        row = {
            "interaction_id": self._next("I"),
            "occurred_at": at,
            "type": kind,
            "anonymous_id": f"device-{self.slug}",
        }
        self.company.add("engagement.interactions", **row, **more)

    def becomes_lead(self, at: str, *, knows: tuple[str, ...] = ("email", "full_name"), **more: str) -> None:
        """Be created as a CRM lead that knows the named fields."""
        identity = {key: value for key, value in self._identity().items() if key in knows}
        row = {"lead_id": self.lead_id, "created_at": at, "updated_at": at, "status": "New", **identity, **more}
        self.company.add("crm.leads", **row)

    def becomes_contact(self, at: str, **more: str) -> None:
        """Be created as a CRM contact with the same mailbox; with ``updated_at`` be saved again."""
        row = {
            "contact_id": self.contact_id,
            "created_at": at,
            "updated_at": at,
            "status": "Active",
            "email": self.email,
            "full_name": f"{self.slug.title()} Muster",
            **more,
        }
        self.company.add("crm.contacts", **row)

    def crm_says(self, at: str, value: str, object_type: str = "lead", **more: str) -> None:
        """Have the CRM status changed."""
        object_id = self.lead_id if object_type == "lead" else self.contact_id
        self.company.add(
            "crm.status_history",
            object_type=object_type,
            object_id=object_id,
            field="status",
            new_value=value,
            changed_at=at,
            **more,
        )

    def deal_moves(self, at: str, name: str, stage: str, by: str | None = None) -> None:
        """Have a deal's stage changed, in the history of deals or, when a user is named, in that of all fields."""
        deal = f"O-{self.slug}-{name}"
        if by is None:
            self.company.add("crm.opportunity_history", opportunity_id=deal, stage=stage, changed_at=at)
            return
        self.company.add(
            "crm.status_history",
            object_type="opportunity",
            object_id=deal,
            field="stage",
            new_value=stage,
            changed_at=at,
            changed_by=by,
        )

    def orders(self, at: str, kind: str, **more: Any) -> None:
        """Order something without a deal."""
        row = {"order_id": self._next("B"), "contact_id": self.contact_id, "kind": kind, "ordered_at": at, **more}
        self.company.add("crm.orders", **row)

    def is_called(self, at: str, outcome: str, **more: Any) -> None:
        """Be called by telemarketing."""
        row = {
            "activity_id": f"A-{self.slug}",
            "object_id": self.lead_id,
            "type": "telemarketing",
            "direction": "outbound",
            "occurred_at": at,
            "outcome": outcome,
            **more,
        }
        self.company.add("crm.activities", **row)

    def opportunity(
        self, name: str, opened: str, closed: str | None = None, *, won: bool | None = None, **more: Any
    ) -> None:
        """Have an opportunity with this person as its contact."""
        row = {"opportunity_id": f"O-{self.slug}-{name}", "contact_id": self.contact_id, "type": "new", **more}
        self.company.add(
            "crm.opportunities",
            **{"updated_at": closed or opened, **row},
            created_at=opened,
            closed_at=closed,
            is_won=won,
            amount="1000.00",
            currency="EUR",
        )
