"""How a true person looks on one record: spellings, missing fields, aliases, typos, shared identifiers.

What belongs here: turning true attributes into the identity columns of the raw contract, and noting which of the shown
identifiers are true evidence. What does not: which records exist (stories) and what else they hold.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.sample import spelling
from orchestration.sample import vocabulary as words
from orchestration.sample.arrays import (
    Bools,
    Column,
    Ints,
    Texts,
    chance,
    either,
    is_given,
    nothing,
    pick_weighted,
)
from orchestration.sample.facts import NO_EVIDENCE
from orchestration.sample.people import Companies, Population

OWN_EVIDENCE = 0
OTHER_EVIDENCE = 1
NEXT_EVIDENCE = 2
FIRST_UNIQUE_EVIDENCE = 10


@dataclass(frozen=True)
class Look:
    """How the records of one block are written.

    Parameters
    ----------
    is_clean
        Spelt as the system of record would: first mailbox, canonical, mobile shown if the person shows one at all.
    is_bare
        Only a mailbox and a name (the profile comes later).
    with_device
        Written by a browser, so the device id is on it.
    with_wechat
        Shows the WeChat ids of those who have them.
    mailbox
        `own`, `other` (second mailbox), `next` (of the next employer), `role` (the company's shared one) or `none`.
    """

    is_clean: bool = False
    is_bare: bool = False
    with_device: bool = True
    with_wechat: bool = True
    mailbox: str = "own"


class RecordWriter:
    """Writes identity columns for blocks of persons.

    Parameters
    ----------
    people, companies
        Who they are.
    rng
        Random stream of the spellings.
    """

    def __init__(self, people: Population, companies: Companies, rng: np.random.Generator) -> None:
        self.people = people
        self.companies = companies
        self.rng = rng
        self.next_unique = FIRST_UNIQUE_EVIDENCE

    def identity(self, person: Ints, look: Look) -> dict[str, Column]:
        """Return the contract's identity columns and `_evidence_*` for one record per row of ``person``."""
        columns: dict[str, Column] = {}
        columns |= self._email(person, look)
        columns |= self._phone(person, look)
        columns |= self._names(person, look)
        columns |= self._profile(person, look)
        columns |= self._browser(person, look)
        return columns

    def _chance(self, count: int, share: float) -> Bools:
        return chance(self.rng, count, share)

    def new_evidence(self, count: int) -> Ints:
        """Return ``count`` marks of evidence that nothing else has yet."""
        start = self.next_unique
        self.next_unique += count
        return np.arange(start, start + count, dtype=np.int64)

    def _email(self, person: Ints, look: Look) -> dict[str, Column]:
        people, count = self.people, len(person)
        evidence = np.full(count, OWN_EVIDENCE, dtype=np.int64)
        if look.mailbox == "none":
            return {"email": nothing(count), "_evidence_email": np.full(count, NO_EVIDENCE, dtype=np.int64)}
        if look.mailbox == "role":
            domain = self.companies.domain[people.company[person]]
            role = np.array(words.ROLE_LOCAL_PARTS, dtype=object)[people.company[person] % len(words.ROLE_LOCAL_PARTS)]
            return {"email": role + "@" + domain, "_evidence_email": np.full(count, NO_EVIDENCE, dtype=np.int64)}
        email = people.email[person].copy()
        if look.mailbox == "next":
            return {
                "email": people.next_email[person],
                "_evidence_email": np.full(count, NEXT_EVIDENCE, dtype=np.int64),
            }
        has_other = is_given(people.other_email[person])
        use_other = has_other & (
            np.ones(count, dtype=bool)
            if look.mailbox == "other"
            else self._chance(count, 0.0 if look.is_clean else 0.12)
        )
        email[use_other] = people.other_email[person][use_other]
        evidence[use_other] = OTHER_EVIDENCE
        if not look.is_clean:
            self._misspell(email, evidence)
        return {"email": email, "_evidence_email": evidence}

    def _misspell(self, email: Texts, evidence: Ints) -> None:
        """Write aliases (same mailbox), known typos (same after repair) and real typos (another mailbox) into ``email``."""
        kind = pick_weighted(self.rng, spelling.EMAIL_SHARES, len(email))
        for row in np.flatnonzero(kind != "plain").tolist():
            email[row] = spelling.EMAIL_SPELLINGS[kind[row]](str(email[row]))
        typo = np.asarray(kind == "typo", dtype=np.bool_)
        evidence[typo] = self.new_evidence(int(typo.sum()))

    def _phone(self, person: Ints, look: Look) -> dict[str, Column]:
        people, count = self.people, len(person)
        phone = nothing(count)
        evidence = np.full(count, NO_EVIDENCE, dtype=np.int64)
        if look.is_bare:
            return {"phone": phone, "_evidence_phone": evidence}
        keeps = look.is_clean or look.mailbox in {"role", "none", "next"}
        shown = people.shows_mobile[person] & (people.is_good_fit[person] | self._chance(count, 0.6) | keeps)
        phone[shown] = people.phone[person][shown]
        evidence[shown] = OWN_EVIDENCE
        if look.mailbox == "own" and not look.is_clean:
            board = ~shown & ~people.is_good_fit[person] & self._chance(count, 0.06)
            phone[board] = self.companies.switchboard[people.company[person]][board]
        kind = pick_weighted(self.rng, spelling.PHONE_SHARES, count)
        for row in np.flatnonzero(shown & (kind != "plain")).tolist():
            own = str(people.phone[person[row]]), str(people.national_phone[person[row]])
            phone[row] = spelling.PHONE_SPELLINGS[kind[row]](*own)
        return {"phone": phone, "_evidence_phone": evidence}

    def _names(self, person: Ints, look: Look) -> dict[str, Column]:
        people, count = self.people, len(person)
        full = people.full[person].copy()
        first, last = people.first[person].copy(), people.last[person].copy()
        if not look.is_clean:
            kind = pick_weighted(self.rng, spelling.NAME_SHARES, count)
            chinese, latin = people.is_chinese[person], people.latin[person]
            for row in np.flatnonzero(kind != "plain").tolist():
                full[row] = spelling.spelt_name(
                    kind[row], str(first[row]), str(last[row]), str(latin[row]), is_chinese=bool(chinese[row])
                )
                first[row] = last[row] = None
        only_full = self._chance(count, 0.45)
        first[only_full] = None
        last[only_full] = None
        return {"full_name": full, "first_name": first, "last_name": last}

    def _profile(self, person: Ints, look: Look) -> dict[str, Column]:
        people, companies, count = self.people, self.companies, len(person)
        employer = people.next_company[person] if look.mailbox == "next" else people.company[person]
        always = people.is_good_fit[person] & (not look.is_bare)
        sometimes = np.zeros(count, dtype=bool) if look.is_bare else np.ones(count, dtype=bool)

        def shown(values: Texts, share: float) -> Texts:
            keep = always | (sometimes & self._chance(count, share))
            return either(keep, values, None)

        company = companies.name[employer].copy()
        if not look.is_clean:
            kind = pick_weighted(self.rng, spelling.COMPANY_SHARES, count)
            for row in np.flatnonzero(kind != "plain").tolist():
                company[row] = spelling.spelt_company(kind[row], str(company[row]))
        place = sometimes & self._chance(count, 0.8)
        return {
            "company": shown(company, 0.8),
            "job_title": shown(people.title[person], 0.6),
            "department": shown(people.department[person], 0.5),
            # the next employer is of the same size, so that a job change does not change the fit
            "company_size": shown(companies.size[people.company[person]], 0.5),
            "industry": shown(people.industry[person], 0.5),
            "country": people.country[person],
            "region": either(place, companies.region[employer], None),
            "city": either(place, companies.city[employer], None),
        }

    def _browser(self, person: Ints, look: Look) -> dict[str, Column]:
        people, count = self.people, len(person)
        device = people.device[person] if look.with_device else nothing(count)
        owned = is_given(device) & ~people.is_device_shared[person]
        openid = people.openid[person] if look.with_wechat else nothing(count)
        has_wechat = is_given(openid)
        return {
            "anonymous_id": device,
            "wechat_openid": openid,
            "wechat_unionid": people.unionid[person] if look.with_wechat else nothing(count),
            "_evidence_device": np.where(owned, OWN_EVIDENCE, NO_EVIDENCE).astype(np.int64),
            "_evidence_wechat": np.where(has_wechat, OWN_EVIDENCE, NO_EVIDENCE).astype(np.int64),
        }
