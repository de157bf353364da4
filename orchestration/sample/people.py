"""The sample's companies and true persons, before anything happens to them.

What belongs here: who somebody is (names, mailboxes, phones, employer, attributes, devices). What does not: journeys and records.
The stories' demands come in, because a history that ends in a nurture MQL needs a good fit, a company mailbox and a mobile.
"""

import re
from dataclasses import dataclass

import numpy as np

from orchestration.errors import ConfigError
from orchestration.sample import vocabulary as words
from orchestration.sample.arrays import (
    Bools,
    Floats,
    Ints,
    Texts,
    chance,
    either,
    is_given,
    nothing,
    numbered,
    pick_weighted,
    stream,
    texts,
    zipf_index,
)
from orchestration.sample.rules import Rules

FIT_ROUNDS = 25
POOR_FIT_MARGIN = 2.0
"""Points below the target threshold that a poor fit keeps; fit has no decay, so a little is enough."""


@dataclass(frozen=True)
class Demands:
    """What the planned stories ask of the persons; every column has one row per person.

    Parameters
    ----------
    is_good_fit
        Fit clearly above the target threshold, else clearly below it.
    needs_corporate, needs_mobile, hides_mobile, needs_device, is_chinese_only, is_competitor, no_american_phone
        Properties that the story fixes.
    """

    is_good_fit: Bools
    needs_corporate: Bools
    needs_mobile: Bools
    hides_mobile: Bools
    needs_device: Bools
    is_chinese_only: Bools
    is_competitor: Bools
    no_american_phone: Bools


@dataclass(frozen=True)
class Companies:
    """Employers; index 0 is the competitor, which sells against the sample company."""

    name: Texts
    domain: Texts
    industry: Texts
    size: Texts
    employees: Ints
    country: Texts
    city: Texts
    region: Texts
    switchboard: Texts
    parent: Ints


@dataclass
class Population:
    """True persons; every column has one row per person.

    `fit` is the most fit points that the attributes on any records can come to (exact where `is_good_fit`). `email` is the mailbox of first contact;
    `other_email` another one of the same person (null for most); `next_email` belongs to the employer `next_company`.
    """

    person: Texts
    is_chinese: Bools
    country: Texts
    city: Texts
    region: Texts
    utc_offset: Ints
    first: Texts
    last: Texts
    full: Texts
    latin: Texts
    email: Texts
    other_email: Texts
    next_email: Texts
    has_corporate: Bools
    phone: Texts
    national_phone: Texts
    shows_mobile: Bools
    company: Ints
    next_company: Ints
    title: Texts
    department: Texts
    industry: Texts
    fit: Floats
    is_good_fit: Bools
    device: Texts
    is_device_shared: Bools
    openid: Texts
    unionid: Texts
    crm_system: Texts

    def __len__(self) -> int:
        """Return the number of persons."""
        return len(self.person)


def _company_names(rng: np.random.Generator, is_chinese: Bools) -> tuple[Texts, Texts]:
    """Return (name, domain); domains are distinct, and so no two employers share a mailbox domain."""
    count = len(is_chinese)
    draw = rng.integers(0, 2**31, (count, 5))
    names, domains = [], []
    seen: dict[str, int] = {}
    for chinese, (a, b, c, d, e) in zip(is_chinese.tolist(), draw.tolist(), strict=True):
        if chinese:
            city = words.CHINESE_COMPANY_CITY[a % len(words.CHINESE_COMPANY_CITY)]
            first = words.CHINESE_COMPANY_FIRST[b % len(words.CHINESE_COMPANY_FIRST)]
            second = words.CHINESE_COMPANY_SECOND[c % len(words.CHINESE_COMPANY_SECOND)]
            field = words.CHINESE_COMPANY_FIELD[d % len(words.CHINESE_COMPANY_FIELD)]
            legal = words.CHINESE_COMPANY_LEGAL[e % len(words.CHINESE_COMPANY_LEGAL)]
            name, stem, suffix = (
                f"{city[0]}{first[0]}{second[0]}{field[0]}",
                f"{first[1]}{second[1]}-{field[1]}",
                ".com.cn",
            )
        else:
            first_word = words.ENGLISH_COMPANY_FIRST[a % len(words.ENGLISH_COMPANY_FIRST)]
            second_word = words.ENGLISH_COMPANY_SECOND[b % len(words.ENGLISH_COMPANY_SECOND)]
            legal = words.ENGLISH_COMPANY_LEGAL[e % len(words.ENGLISH_COMPANY_LEGAL)]
            name, stem, suffix = f"{first_word} {second_word}", f"{first_word}{second_word}".lower(), ".com"
        repeat = seen.get(stem, 0)
        seen[stem] = repeat + 1
        if repeat and not chinese:
            name = f"{name} {words.ENGLISH_FAMILY[repeat % len(words.ENGLISH_FAMILY)]}"
        names.append(f"{name}{legal}" if chinese else f"{name} {legal}")
        domains.append(f"{stem}{repeat + 1 if repeat else ''}{suffix}")
    return texts(names), texts(domains)


def build_companies(seed: int, count: int) -> Companies:
    """Return ``count`` employers (at least two).

    Parameters
    ----------
    seed
        The sample's seed.
    count
        Employers, index 0 the competitor.
    """
    rng = stream(seed, "companies")
    country = pick_weighted(rng, words.COUNTRY_WEIGHTS, count)
    is_chinese = np.isin(country.astype(str), words.CHINESE_COUNTRIES)
    name, domain = _company_names(rng, is_chinese)
    name[0], domain[0], country[0], is_chinese[0] = "Rivalsoft Inc.", "rivalsoft.com", "US", False
    industry = pick_weighted(rng, {key: weight for key, (_, weight) in words.INDUSTRIES.items()}, count)
    size = pick_weighted(rng, {key: weight for key, (weight, _) in words.COMPANY_SIZES.items()}, count)
    size[0] = "50-199"
    middle = np.array([words.COMPANY_SIZES[key][1] for key in size.tolist()], dtype=np.int64)
    places = [words.PLACES[key] for key in country.tolist()]
    chosen = [
        place[number % len(place)].split("|")
        for place, number in zip(places, rng.integers(0, 997, count).tolist(), strict=True)
    ]
    numbers = rng.integers(200, 990, count).tolist(), rng.integers(1000, 9990, count).tolist()
    parent = np.where(chance(rng, count, 0.06), rng.integers(0, max(1, count // 10), count), -1).astype(np.int64)
    parent[: max(1, count // 10)] = -1
    return Companies(
        name=name,
        domain=domain,
        industry=industry,
        size=size,
        employees=(middle * rng.uniform(0.8, 1.2, count)).astype(np.int64),
        country=country,
        city=texts([place[0] for place in chosen]),
        region=texts([place[1] for place in chosen]),
        switchboard=texts(
            [words.SWITCHBOARDS[key].format(a, b) for key, a, b in zip(country.tolist(), *numbers, strict=True)]
        ),
        parent=parent,
    )


def _fit_table(rules: Rules, attribute: str, values: list[str | None]) -> Floats:
    return np.array([sum(rules.fit_of(attribute, value).values()) for value in values], dtype=np.float64)


@dataclass(frozen=True)
class _Draw:
    """One draw of (company, title, department) per person, with the most fit that any of its records can show."""

    company: Ints
    title: Ints
    department: Ints
    fit: Floats
    is_lowered: Bools


class _FitDrawer:
    """Draws employers and roles and knows what fit they come to."""

    def __init__(self, rules: Rules, companies: Companies) -> None:
        self.rules = rules
        self.companies = companies
        self.title_keys = list(words.TITLES)
        self.department_keys = list(words.DEPARTMENTS)
        # a Chinese title must be worth what the English one is; the lower counts for "good", the higher for "poor"
        english = _fit_table(rules, "job_title", [words.TITLES[key][0] for key in self.title_keys])
        chinese = _fit_table(rules, "job_title", [words.TITLES[key][1] for key in self.title_keys])
        self.title_points = np.stack([english, chinese])
        english = _fit_table(rules, "department", [words.DEPARTMENTS[key][0] for key in self.department_keys])
        chinese = _fit_table(rules, "department", [words.DEPARTMENTS[key][1] for key in self.department_keys])
        self.department_points = np.stack([english, chinese])
        industry = {key: sum(rules.fit_of("industry", key).values()) for key in words.INDUSTRIES}
        size = {key: sum(rules.fit_of("company_size", key).values()) for key in words.COMPANY_SIZES}
        self.company_points = np.array(
            [industry[i] + size[s] for i, s in zip(companies.industry.tolist(), companies.size.tolist(), strict=True)],
            dtype=np.float64,
        )
        self.mailbox_points = sum(rules.fit_of("corporate_email", "yes").values())
        weights = np.array([words.TITLES[key][2] for key in self.title_keys])
        self.title_shares = weights / weights.sum()
        weights = np.array([words.DEPARTMENTS[key][2] for key in self.department_keys])
        self.department_shares = weights / weights.sum()
        # Zipf over companies: few large customers of attention, a long tail; the order is unrelated to quality
        self.company_order = stream(7, "company order").permutation(np.arange(1, len(companies.name)))
        is_chinese = np.isin(companies.country.astype(str), words.CHINESE_COUNTRIES)
        self.company_is_chinese = is_chinese

    def draw(self, rng: np.random.Generator, demands: Demands, rows: Ints) -> _Draw:
        """Draw once for the persons ``rows``."""
        count = len(rows)
        company = self.company_order[zipf_index(rng, len(self.company_order), count, 0.6)]
        company = np.where(demands.is_competitor[rows], 0, company)
        title = rng.choice(len(self.title_keys), size=count, p=self.title_shares)
        department = rng.choice(len(self.department_keys), size=count, p=self.department_shares)
        language = self.company_is_chinese[company].astype(np.int64)
        parts = (self.title_points[language, title], self.department_points[language, department])
        # a record may leave out what lowers the fit, so only what raises it counts
        fit = self.company_points[company] + self.mailbox_points + sum(np.maximum(part, 0.0) for part in parts)
        is_lowered = np.logical_or.reduce([part < 0 for part in parts])
        return _Draw(company=company, title=title, department=department, fit=fit, is_lowered=is_lowered)

    def is_wanted(self, demands: Demands, rows: Ints, drawn: _Draw) -> Bools:
        """Return whether each draw is what the person's story asks for."""
        threshold = self.rules.target_threshold
        ceiling = self.rules.mql_threshold - 2 * SCORE_ROOM
        fits = np.where(
            demands.is_good_fit[rows],
            (drawn.fit >= threshold + POOR_FIT_MARGIN) & (drawn.fit <= ceiling) & ~drawn.is_lowered,
            drawn.fit <= threshold - POOR_FIT_MARGIN,
        )
        country = self.companies.country[drawn.company].astype(str)
        place = np.where(demands.is_chinese_only[rows], np.isin(country, words.CHINESE_COUNTRIES), True)
        barred = demands.no_american_phone[rows] & np.isin(country, ("US", "CA")) & ~demands.is_competitor[rows]
        return np.asarray(fits & place & ~barred, dtype=np.bool_)


SCORE_ROOM = 8.0
"""A good fit stays this far twice below the MQL threshold, so that one download never makes an MQL."""


def _roles(seed: int, rules: Rules, companies: Companies, demands: Demands) -> tuple[_Draw, _FitDrawer]:
    """Draw until every story has the fit it asks for; who finds none is an error."""
    rng = stream(seed, "roles")
    drawer = _FitDrawer(rules, companies)
    count = len(demands.is_good_fit)
    rows = np.arange(count)
    best = drawer.draw(rng, demands, rows)
    company, title, department, fit = best.company, best.title, best.department, best.fit
    open_rows = rows[~drawer.is_wanted(demands, rows, best)]
    for round_number in range(FIT_ROUNDS * 20):
        if not len(open_rows):
            break
        # in a tiny world with few employers the rare combination comes from many tries
        tries = np.repeat(open_rows, 16) if round_number > FIT_ROUNDS else open_rows
        drawn = drawer.draw(rng, demands, tries)
        good = drawer.is_wanted(demands, tries, drawn)
        found, first = np.unique(tries[good], return_index=True)
        at = np.flatnonzero(good)[first]
        company[found], title[found], department[found], fit[found] = (
            drawn.company[at],
            drawn.title[at],
            drawn.department[at],
            drawn.fit[at],
        )
        open_rows = np.setdiff1d(open_rows, found)
    if len(open_rows):
        message = "seeds/scoring/fit_rules.csv: no employer and title of the sample's vocabulary come to the fit that its histories need"
        raise ConfigError(message)
    return _Draw(company, title, department, fit, np.zeros(count, dtype=bool)), drawer


def _names(rng: np.random.Generator, is_chinese: Bools) -> tuple[Texts, Texts, Texts, Texts, Texts]:
    """Return (first, last, full, latin full, mailbox stem)."""
    count = len(is_chinese)
    draw = rng.integers(0, 2**31, (count, 3))
    two = chance(rng, count, 0.72)
    family = zipf_index(rng, len(words.CHINESE_FAMILY), count, 0.7)
    rows: list[tuple[str, str, str, str, str]] = []
    for index, chinese in enumerate(is_chinese.tolist()):
        a, b, c = draw[index]
        if chinese:
            last, last_latin = words.CHINESE_FAMILY[family[index]]
            one = words.CHINESE_GIVEN[b % len(words.CHINESE_GIVEN)]
            other = words.CHINESE_GIVEN[c % len(words.CHINESE_GIVEN)] if two[index] else ("", "")
            first, first_latin = one[0] + other[0], one[1] + other[1]
            rows.append(
                (
                    first,
                    last,
                    last + first,
                    f"{first_latin.title()} {last_latin.title()}",
                    f"{first_latin}.{last_latin}",
                )
            )
        else:
            first = words.ENGLISH_GIVEN[a % len(words.ENGLISH_GIVEN)]
            last = words.ENGLISH_FAMILY[b % len(words.ENGLISH_FAMILY)]
            rows.append((first, last, f"{first} {last}", f"{first} {last}", f"{first}.{last}".lower()))
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), (), ()]
    return texts(columns[0]), texts(columns[1]), texts(columns[2]), texts(columns[3]), texts(columns[4])


def _mailboxes(stem: Texts, domain: Texts, taken: dict[str, int]) -> Texts:
    """Return `stem@domain`, numbered from the second namesake on, so that no two persons share one."""
    out = []
    for name, host in zip(stem.tolist(), domain.tolist(), strict=True):
        key = f"{name.replace('.', '')}@{host}"
        number = taken.get(key, 0) + 1
        taken[key] = number
        out.append(f"{name}@{host}" if number == 1 else f"{name}{number}@{host}")
    return texts(out)


_BOGUS = re.compile(r"(\d)\1{4,}|01234|12345|23456|34567|45678|56789|98765|87654|76543|65432|54321|43210")


def _mobiles(country: Texts) -> tuple[Texts, Texts]:
    """Return (E.164, national) numbers, distinct over all persons and free of runs that look invented."""
    phones, national = [], []
    counters: dict[str, int] = {}
    for key in country.tolist():
        code, prefixes, digits, trunk = words.MOBILES[key]
        size = 10**digits
        number = counters.get(key, 0)
        while True:
            # an odd multiplier that five does not divide makes a permutation of the numbers below 10^digits
            tail = f"{(number * 7_368_787 + 2_654_321) % size:0{digits}d}"
            local = prefixes[(number // size + number) % len(prefixes)] + tail
            number += 1
            if not _BOGUS.search(local) and (code != "1" or tail[:1] not in "01"):
                break
        counters[key] = number
        phones.append(f"+{code}{local}")
        national.append(f"{trunk}{local}")
    return texts(phones), texts(national)


def build_population(seed: int, rules: Rules, companies: Companies, demands: Demands) -> Population:
    """Return one true person per row of ``demands``.

    Parameters
    ----------
    seed
        The sample's seed.
    rules
        Fit points, so that a good and a poor fit are what the warehouse will compute.
    companies
        Employers.
    demands
        What the stories ask for.
    """
    rng = stream(seed, "people")
    count = len(demands.is_good_fit)
    has_corporate = (chance(rng, count, 0.66)) | demands.needs_corporate | demands.is_good_fit | demands.is_competitor
    roles, drawer = _roles(seed, rules, companies, demands)
    company = roles.company
    country = companies.country[company].copy()
    is_chinese = np.isin(country.astype(str), words.CHINESE_COUNTRIES) | ((country == "SG") & (chance(rng, count, 0.4)))
    # titles are written in the employer's language: the fit was drawn with it
    in_chinese = drawer.company_is_chinese[company]
    first, last, full, latin, stem = _names(rng, is_chinese)
    free = np.where(
        is_chinese,
        pick_weighted(rng, words.FREE_MAIL_CHINESE, count),
        pick_weighted(rng, words.FREE_MAIL_ENGLISH, count),
    )
    free_stem = stem.copy()
    is_qq = (free == "qq.com").astype(bool)
    free_stem[is_qq] = [
        f"{(number * 7_919 + 104_729) % 899_999_999 + 100_000_000}" for number in np.flatnonzero(is_qq).tolist()
    ]
    taken: dict[str, int] = {}
    email = _mailboxes(
        np.where(has_corporate, stem, free_stem), np.where(has_corporate, companies.domain[company], free), taken
    )
    other = nothing(count)
    has_other = has_corporate & (chance(rng, count, 0.22))
    other[has_other] = _mailboxes(free_stem[has_other], free[has_other], taken)
    next_company = (
        1 + (company + rng.integers(1, max(2, len(companies.name) - 2), count)) % (len(companies.name) - 1)
    ).astype(np.int64)
    next_company = np.where(next_company == company, 1 + next_company % (len(companies.name) - 1), next_company)
    phone, national = _mobiles(country)
    shows = ((chance(rng, count, 0.6)) | demands.needs_mobile) & ~demands.hides_mobile
    has_device = (chance(rng, count, 0.75)) | demands.needs_device
    device = nothing(count)
    device[has_device] = _device_ids(rng, int(has_device.sum()))
    shared = _share_devices(rng, device, demands.needs_device)
    has_wechat = (is_chinese & (chance(rng, count, 0.4))) | demands.is_chinese_only
    openid, unionid = nothing(count), nothing(count)
    openid[has_wechat] = numbered("oA1", 1, int(has_wechat.sum()), 9)
    unionid[has_wechat] = numbered("uN7", 1, int(has_wechat.sum()), 9)
    titles = np.array([words.TITLES[key][:2] for key in drawer.title_keys], dtype=object)
    departments = np.array([words.DEPARTMENTS[key][:2] for key in drawer.department_keys], dtype=object)
    industries = {key: zh for key, (zh, _) in words.INDUSTRIES.items()}
    language = in_chinese.astype(np.int64)
    industry = companies.industry[company]
    return Population(
        person=numbered("P", 1, count),
        is_chinese=is_chinese,
        country=country,
        city=companies.city[company],
        region=companies.region[company],
        utc_offset=np.array([words.UTC_OFFSET_HOURS[key] for key in country.tolist()], dtype=np.int64),
        first=first,
        last=last,
        full=full,
        latin=latin,
        email=email,
        other_email=other,
        next_email=_mailboxes(stem, companies.domain[next_company], taken),
        has_corporate=has_corporate,
        phone=phone,
        national_phone=national,
        shows_mobile=shows,
        company=company,
        next_company=next_company,
        title=titles[roles.title, language],
        department=departments[roles.department, language],
        industry=texts(
            [industries[key] if zh else key for key, zh in zip(industry.tolist(), in_chinese.tolist(), strict=True)]
        ),
        fit=roles.fit,
        is_good_fit=demands.is_good_fit,
        device=device,
        is_device_shared=shared,
        openid=openid,
        unionid=unionid,
        crm_system=either((country == "CN") & (chance(rng, count, 0.3)), "crm_cn", "crm"),
    )


def _device_ids(rng: np.random.Generator, count: int) -> Texts:
    """Return random-looking, distinct device ids."""
    noise = rng.integers(0, 2**32, count).tolist()
    return texts([f"d-{number:07x}-{tail:08x}" for number, tail in enumerate(noise, start=1)])


def _share_devices(rng: np.random.Generator, device: Texts, is_kept: Bools) -> Bools:
    """Let about one person in a hundred use the device of the person before (a family, a shared office computer)."""
    index = np.flatnonzero(is_given(device) & ~is_kept)[1:]
    chosen = index[chance(rng, len(index), 0.01)]
    shared = np.zeros(len(device), dtype=bool)
    for row in chosen.tolist():
        if device[row - 1] is not None and not is_kept[row - 1] and not shared[row - 1]:
            device[row] = device[row - 1]
            shared[row] = shared[row - 1] = True
    return shared
