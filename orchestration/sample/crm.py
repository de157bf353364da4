"""CRM objects of many persons: leads, contacts, opportunities, orders, their versions and histories.

What belongs here: writing CRM rows and the stage entries that they cause. `crm_cn` exports its status history and its
opportunities with dates only, so there the truth is the day's start.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestration.sample import vocabulary as words
from orchestration.sample.arrays import (
    DAY,
    NAT,
    Bools,
    Column,
    Floats,
    Ints,
    Texts,
    chance,
    either,
    nothing,
    pick,
    pick_weighted,
)
from orchestration.sample.records import Look
from orchestration.sample.teller import OFFLINE, Teller

DATE_ONLY_SYSTEM = "crm_cn"
CONTACTLESS_SHARE = 0.03


@dataclass
class Objects:
    """A block of leads or contacts, one per person.

    Parameters
    ----------
    kind
        `lead` or `contact`.
    ids, person, system
        One per row.
    columns
        The columns of the newest version.
    """

    kind: str
    ids: Texts
    person: Ints
    system: Texts
    columns: dict[str, Column]

    def take(self, chosen: Bools) -> "Objects":
        """Return the chosen rows as a block of their own."""
        return Objects(
            self.kind,
            self.ids[chosen],
            self.person[chosen],
            self.system[chosen],
            {name: values[chosen] for name, values in self.columns.items()},
        )


@dataclass
class Deals:
    """A block of opportunities, one per person."""

    ids: Texts
    contacts: Objects
    columns: dict[str, Column]
    amount: Floats

    def take(self, chosen: Bools) -> "Deals":
        """Return the chosen rows as a block of their own."""
        return Deals(
            self.ids[chosen],
            self.contacts.take(chosen),
            {name: values[chosen] for name, values in self.columns.items()},
            self.amount[chosen],
        )


class CrmDesk:
    """Writes CRM rows through a `Teller`."""

    def __init__(self, teller: Teller) -> None:
        self.teller = teller

    def account_ids(self, company: Ints, system: Texts) -> Texts:
        """Return the account id of each company in its CRM."""
        prefix = either(system == DATE_ONLY_SYSTEM, "CN-A", "A")
        return np.asarray(
            prefix + np.array([f"{number:06d}" for number in company.tolist()], dtype=object), dtype=object
        )

    def seen_at(self, system: Texts, at: Ints) -> Ints:
        """Return ``at`` as the CRM exports it: the day's start in the system that has dates only."""
        return np.where((system == DATE_ONLY_SYSTEM) & (at != NAT), at // DAY * DAY, at).astype(np.int64)

    # --- leads and contacts ----------------------------------------------------------------------------------

    def lead(self, person: Ints, at: Ints, source: str | Texts, status: str = "New", look: Look = OFFLINE) -> Objects:
        """Write new leads."""
        teller, count = self.teller, len(person)
        system = teller.people.crm_system[person]
        columns = self._owned(person, at, source, status) | teller.writer.identity(person, look)
        has_account = chance(teller.rng, count, 0.3)
        columns["account_id"] = either(has_account, self.account_ids(teller.people.company[person], system), None)
        lead = Objects("lead", teller.facts.ids("L", count), person, system, columns)
        columns["_evidence_link"] = teller.writer.new_evidence(count)
        self._write(lead)
        return lead

    def contact(self, person: Ints, at: Ints, lead: Objects | None = None) -> Objects:
        """Write new contacts; a lead given becomes the contact (converted)."""
        teller, count = self.teller, len(person)
        system = teller.people.crm_system[person]
        source: str | Texts = lead.columns["lead_source"].astype(object) if lead is not None else "website"
        columns = self._owned(person, at, source, "Active") | teller.writer.identity(person, OFFLINE)
        columns["account_id"] = self.account_ids(teller.people.company[person], system)
        link = lead.columns["_evidence_link"] if lead is not None else teller.writer.new_evidence(count)
        columns["_evidence_link"] = link
        contact = Objects("contact", teller.facts.ids("K", count), person, system, columns)
        self._write(contact)
        if lead is not None:
            lead.columns["converted_contact_id"] = contact.ids
            self.status(lead, at, "Converted")
        return contact

    def _owned(self, person: Ints, at: Ints, source: str | Texts, status: str) -> dict[str, Column]:
        count = len(person)
        return {
            "created_at": at,
            "updated_at": at,
            "owner_id": pick(self.teller.rng, words.OWNERS, count),
            "lead_source": source if isinstance(source, np.ndarray) else np.full(count, source, dtype=object),
            "status": np.full(count, status, dtype=object),
            "converted_contact_id": nothing(count),
            "is_deleted": np.full(count, False, dtype=object),
        }

    def _write(self, objects: Objects) -> None:
        self.teller.facts.add(
            f"crm.{objects.kind}s",
            objects.person,
            objects.system,
            **{f"{objects.kind}_id": objects.ids},
            **objects.columns,
        )

    def update(self, objects: Objects, at: Ints, **changes: Column) -> None:
        """Write a new version of ``objects``, saved at ``at``."""
        objects.columns = {**objects.columns, **changes, "updated_at": at}
        self._write(objects)

    def status(self, objects: Objects, at: Ints, status: str, reason: str | None = None) -> Ints:
        """Change the status; return when the export says that it changed."""
        changed = self.seen_at(objects.system, at)
        self.teller.facts.add(
            "crm.status_history",
            objects.person,
            objects.system,
            object_type=objects.kind,
            object_id=objects.ids,
            field="status",
            old_value=objects.columns["status"],
            new_value=status,
            changed_at=changed,
            changed_by=objects.columns["owner_id"],
            reason=reason,
        )
        self.update(objects, at, status=np.full(len(objects.ids), status, dtype=object))
        return changed

    def activity(self, objects: Objects, at: Ints, kind: str, outcome: str | None = None) -> None:
        """Write one activity on each object; calls and mails go out, a meeting is the person's own."""
        teller, count = self.teller, len(objects.ids)
        teller.facts.add(
            "crm.activities",
            objects.person,
            objects.system,
            activity_id=teller.facts.ids("ACT", count),
            object_id=objects.ids,
            type=kind,
            direction="inbound" if kind == "meeting" else "outbound",
            occurred_at=at,
            outcome=outcome,
            owner_id=objects.columns["owner_id"],
            duration_seconds=teller.rng.integers(30, 1_800, count).astype(np.float64),
        )

    # --- the usual path --------------------------------------------------------------------------------------

    def hand_over(self, person: Ints, at: Ints, source: str = "website") -> Objects:
        """Write the lead that follows an MQL within two hours, and a first call within two days."""
        teller = self.teller
        created = np.minimum(at + teller.rng.integers(300, 7_000, len(person)), teller.clock.end)
        lead = self.lead(person, created, source)
        timed = lead.system != DATE_ONLY_SYSTEM
        if timed.any():
            part = lead.take(timed)
            self.status(part, created[timed] + 30, "MQL")
            # columns of a written version are never changed in place
            for name in ("status", "updated_at"):
                lead.columns[name] = lead.columns[name].copy()
                lead.columns[name][timed] = part.columns[name]
        called = chance(teller.rng, len(person), 0.7)
        self.activity(
            lead.take(called),
            np.minimum(created[called] + teller.rng.integers(600, DAY, int(called.sum())), teller.clock.end),
            "call",
        )
        return lead

    def accept(self, lead: Objects, at: Ints) -> None:
        """Let the SDR accept: stage sql."""
        changed = self.status(lead, at, "Accepted")
        self.teller.stages.enter(lead.person, "sql", changed)

    def reject(self, objects: Objects, at: Ints, *, status: str = "Rejected") -> Ints:
        """Back to the pool: stage target or engaged."""
        changed = self.status(objects, at, status, reason="not now")
        self.teller.stages.enter(objects.person, self.teller.pool(objects.person), changed)
        self.teller.returned(objects.person)
        return changed

    # --- opportunities and orders ----------------------------------------------------------------------------

    def convert(self, lead: Objects, at: Ints) -> Objects:
        """Make contacts of leads shortly before ``at`` (the evening before where only dates are exported)."""
        early = np.where(lead.system == DATE_ONLY_SYSTEM, at // DAY * DAY - 6 * 3_600, at - 60)
        return self.contact(lead.person, early.astype(np.int64), lead)

    def open_deal(
        self,
        contact: Objects,
        at: Ints,
        kind: str = "new",
        *,
        enters: bool = True,
        track: str = "acquisition",
        size: float = 1.0,
    ) -> Deals:
        """Open an opportunity of ``size`` times the usual amount: stage opportunity unless ``enters`` is false."""
        teller, count = self.teller, len(contact.ids)
        created = self.seen_at(contact.system, at)
        amount = np.round(teller.rng.lognormal(10.2, 0.9, count) * size, 2)
        columns: dict[str, Column] = {
            "account_id": contact.columns["account_id"],
            "contact_id": contact.ids,
            "created_at": created,
            "updated_at": created,
            "type": np.full(count, kind, dtype=object),
            "stage": np.full(count, "Qualification", dtype=object),
            "amount": amount,
            "currency": either(teller.people.is_chinese[contact.person], "CNY", "USD"),
            "expected_close_on": (created // DAY + teller.rng.integers(30, 150, count)) * DAY,
            "closed_at": teller.missing(contact.person),
            "is_won": nothing(count),
            "lost_reason": nothing(count),
            "competitor": pick_weighted(teller.rng, {"": 8.0, "Rivalsoft": 1.0, "Competitor Example": 1.0}, count),
            "has_budget": (chance(teller.rng, count, 0.6)).astype(object),
            "has_need": (chance(teller.rng, count, 0.8)).astype(object),
            "has_process": (chance(teller.rng, count, 0.5)).astype(object),
            "is_tender_invited": (chance(teller.rng, count, 0.1)).astype(object),
            "product_id": pick(teller.rng, words.PRODUCTS, count),
            "campaign_id": either(
                chance(teller.rng, count, 0.3), teller.catalog.campaign_for(teller.rng, "event", count), None
            ),
            "owner_id": contact.columns["owner_id"],
        }
        columns["competitor"] = either(columns["competitor"] == "", None, columns["competitor"])
        deals = Deals(teller.facts.ids("O", count), contact, columns, amount)
        self._write_deals(deals)
        self._deal_stage(deals, created, "Qualification")
        teller.facts.add(
            "crm.opportunity_contacts",
            contact.person,
            contact.system,
            opportunity_id=deals.ids,
            contact_id=contact.ids,
            role="decision_maker",
            is_primary=np.full(count, True, dtype=object),
            added_at=created,
        )
        if enters:
            teller.stages.enter(contact.person, "opportunity", created, track)
        return deals

    def close_deal(
        self, deals: Deals, at: Ints, *, is_won: bool, enters: bool = True, track: str = "acquisition"
    ) -> Ints:
        """Close: won is stage customer, lost is back to the pool; with ``enters`` false nobody moves."""
        teller, count, person = self.teller, len(deals.ids), deals.contacts.person
        closed = self.seen_at(deals.contacts.system, at)
        # after what was last said of it: a proposal between a loss and the reopening would be the reopening
        before = deals.columns["updated_at"].astype(np.int64)
        middle = self.seen_at(deals.contacts.system, (before + closed) // 2)
        self._deal_stage(deals, middle, "Proposal")
        stage = "Closed Won" if is_won else "Closed Lost"
        deals.columns = {
            **deals.columns,
            "updated_at": closed,
            "closed_at": closed,
            "is_won": np.full(count, is_won, dtype=object),
            "stage": np.full(count, stage, dtype=object),
            "lost_reason": nothing(count) if is_won else pick(teller.rng, words.LOST_REASONS, count),
        }
        self._write_deals(deals)
        self._deal_stage(deals, closed, stage)
        if is_won:
            self._order(deals, closed + teller.rng.integers(1, 4, count) * DAY)
        if enters and is_won:
            teller.stages.enter(person, "customer", closed, track)
        elif enters:
            teller.stages.enter(person, teller.pool(person), closed, track)
            teller.returned(person)
        return closed

    def progress_deal(self, deals: Deals, at: Ints, stage: str = "Negotiation") -> None:
        """Move an open opportunity on; nobody changes stage."""
        moved = self.seen_at(deals.contacts.system, at)
        deals.columns = {
            **deals.columns,
            "updated_at": moved,
            "stage": np.full(len(deals.ids), stage, dtype=object),
            "closed_at": self.teller.missing(deals.contacts.person),
            "is_won": nothing(len(deals.ids)),
        }
        self._write_deals(deals)
        self._deal_stage(deals, moved, stage)

    def _write_deals(self, deals: Deals) -> None:
        self.teller.facts.add(
            "crm.opportunities", deals.contacts.person, deals.contacts.system, opportunity_id=deals.ids, **deals.columns
        )

    def _deal_stage(self, deals: Deals, at: Ints, stage: str) -> None:
        self.teller.facts.add(
            "crm.opportunity_history",
            deals.contacts.person,
            deals.contacts.system,
            opportunity_id=deals.ids,
            stage=stage,
            changed_at=at,
            amount=deals.amount,
        )

    def _order(self, deals: Deals, at: Ints) -> None:
        at = np.minimum(at, self.teller.clock.end)
        self.order(deals.contacts, at, "new", deals.ids, deals.amount)

    def order(
        self, contact: Objects, at: Ints, kind: str, opportunity: Texts | None = None, amount: Floats | None = None
    ) -> None:
        """Write one order per contact."""
        teller, count = self.teller, len(contact.ids)
        value = amount if amount is not None else np.round(teller.rng.lognormal(9.0, 0.7, count), 2)
        paid = chance(teller.rng, count, 0.85)
        paid_at = np.minimum(at + teller.rng.integers(1, 45, count) * DAY, teller.clock.end)
        teller.facts.add(
            "crm.orders",
            contact.person,
            contact.system,
            order_id=teller.facts.ids("ORD", count),
            account_id=contact.columns["account_id"],
            contact_id=contact.ids,
            opportunity_id=opportunity if opportunity is not None else nothing(count),
            kind=kind,
            product_id=pick(teller.rng, words.PRODUCTS, count),
            ordered_at=at,
            amount=value,
            currency=either(teller.people.is_chinese[contact.person], "CNY", "USD"),
            starts_on=at // DAY * DAY,
            ends_on=(at // DAY + 365) * DAY,
            paid_amount=np.where(paid, value, 0.0),
            paid_at=np.where(paid, paid_at, NAT).astype(np.int64),
        )


def add_account_deals(teller: Teller, rng: np.random.Generator) -> None:
    """Add what an opportunity says about others than its contact: colleagues with a role, and deals without any contact.

    Nobody's stage changes by them: an opportunity moves its primary contact and no other.
    """
    facts = teller.facts
    contacts, deals = facts.table("crm.contacts"), facts.table("crm.opportunities")
    if not len(contacts) or not len(deals):
        return
    names = {"_system": "system", "account_id": "account", "contact_id": "contact"}
    known = pd.DataFrame(
        {name: contacts.columns[column] for column, name in {**names, "created_at": "since"}.items()}
    ).drop_duplicates("contact")
    opened = pd.DataFrame(
        {
            name: deals.columns[column]
            for column, name in {**names, "opportunity_id": "deal", "created_at": "at"}.items()
        }
    ).drop_duplicates("deal")
    pairs = opened.merge(known, on=["system", "account"], suffixes=("", "_other"))
    # a role is given to somebody whom the CRM knows by then
    is_known = pairs["since"] <= pairs["at"]
    pairs = pairs[is_known & (pairs["contact"] != pairs["contact_other"])].drop_duplicates("deal")
    count = len(pairs)
    facts.add(
        "crm.opportunity_contacts",
        np.full(count, -1, dtype=np.int64),
        pairs["system"].to_numpy(dtype=object),
        opportunity_id=pairs["deal"].to_numpy(dtype=object),
        contact_id=pairs["contact_other"].to_numpy(dtype=object),
        role=pick(rng, ("influencer", "user", "buyer"), count),
        is_primary=np.full(count, False, dtype=object),
        added_at=pairs["at"].to_numpy(dtype=np.int64),
    )
    lonely = opened[chance(rng, len(opened), CONTACTLESS_SHARE) & (opened["system"] != DATE_ONLY_SYSTEM).to_numpy()]
    count = len(lonely)
    ids = facts.ids("O", count)
    created = lonely["at"].to_numpy(dtype=np.int64)
    amount = np.round(rng.lognormal(9.8, 0.9, count), 2)
    nobody = np.full(count, -1, dtype=np.int64)
    facts.add(
        "crm.opportunities",
        nobody,
        "crm",
        opportunity_id=ids,
        account_id=lonely["account"].to_numpy(dtype=object),
        created_at=created,
        updated_at=created,
        type="new",
        stage="Qualification",
        amount=amount,
        currency="USD",
        expected_close_on=(created // DAY + 60) * DAY,
        owner_id=pick(rng, words.OWNERS, count),
    )
    facts.add(
        "crm.opportunity_history",
        nobody,
        "crm",
        opportunity_id=ids,
        stage="Qualification",
        changed_at=created,
        amount=amount,
    )
