"""Good files, thousands of ways to spoil them, and what must hold afterwards; shared by the suite and `benchmarks/fuzz.py`.

Every cell of a good file holds a mark that stands nowhere else. Whatever happens to the bytes, each mark that can still be read in the
spoilt file (by Python, not by the loader) must turn up in raw or in quarantine, or the batch must be refused with a reason and leave
no trace. So a row that vanishes is seen, and so is a single value that does.
"""

import codecs
import contextlib
import gzip
import io
import json
import random
import re
import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from orchestration.ingest import loader
from orchestration.ingest.contract import load_contract
from orchestration.ingest.landing import checksum
from orchestration.ingest.loader import LoadResult, load_table, pending_files
from orchestration.ingest.reader import RAW_TEXT_LIMIT
from orchestration.ingest.sources import Feed
from orchestration.ingest.warehouse import prepare
from orchestration.quality.gates import judge_batch
from orchestration.settings import PROJECT_ROOT, Settings

TABLE = "forms.submissions"
ARRIVED_AT = datetime(2026, 3, 1, 2, tzinfo=UTC)
ROWS = 24
MARK = re.compile(r"Q\d{3}[a-z]Z")
# The last one is not in the contract, so that `_extra` is looked at too.
COLUMNS = ("submission_id", "submitted_at", "email", "full_name", "message", "form_type", "Lucky number")
KINDS = ("csv", "semicolon", "tsv", "csv.gz", "jsonl", "jsonl.gz", "parquet", "gb18030", "utf-16")
OPTIONS: dict[str, dict[str, Any]] = {
    "semicolon": {"delimiter": ";"},
    "gb18030": {"encoding": "gb18030"},
    "utf-16": {"encoding": "utf-16"},
}
ENDINGS = {"semicolon": "csv", "gb18030": "csv", "utf-16": "csv"}

Spoil = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Case:
    """One spoilt file: a good one of a kind, and what is done to it, each step with its own dice."""

    kind: str
    steps: tuple[tuple[str, int], ...]


def cases() -> st.SearchStrategy[Case]:
    """Return hypothesis' strategy: any kind of file, one to four steps that suit it."""
    return st.sampled_from(KINDS).flatmap(
        lambda kind: st.lists(
            st.tuples(st.sampled_from(sorted(_steps(kind))), st.integers(0, 2**20)), min_size=1, max_size=4
        ).map(lambda steps: Case(kind, tuple(steps)))
    )


def random_case(dice: random.Random) -> Case:
    """Return a case without hypothesis, for a long run that counts and does not stop at the first loss."""
    kind = dice.choice(KINDS)
    steps = sorted(_steps(kind))
    return Case(kind, tuple((dice.choice(steps), dice.randrange(2**20)) for _ in range(dice.randint(1, 4))))


# ------------------------------------------------------------------------------------------------------------ good files


def rows() -> list[dict[str, Any]]:
    """Return the rows of a good file; some texts hold what quoting is for."""
    texts = ("plain", "two\nlines", 'he said "hi"', "a, b; c\td", "王小明", "é", "")
    return [
        {
            "submission_id": f"Q{number:03}aZ",
            "submitted_at": f"2026-02-{number % 28 + 1:02}T10:00:00Z",
            "email": f"Q{number:03}bZ@example.com",
            "full_name": f"王 Q{number:03}cZ",
            "message": f"{texts[number % len(texts)]} Q{number:03}dZ",
            "form_type": "trial",
            "Lucky number": f"Q{number:03}eZ",
        }
        for number in range(ROWS)
    ]


def _csv(delimiter: str) -> str:
    def cell(text: object) -> str:
        return '"' + str(text).replace('"', '""') + '"' if re.search(rf'[",\n\t;{delimiter}]', str(text)) else str(text)

    lines = [delimiter.join(COLUMNS), *(delimiter.join(cell(row[name]) for name in COLUMNS) for row in rows())]
    return "\n".join(lines) + "\n"


def _plain(kind: str) -> bytes:
    if kind.startswith("jsonl"):
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows()).encode()
    text = _csv({"semicolon": ";", "tsv": "\t"}.get(kind, ","))
    return text.replace("é", "e").encode(OPTIONS.get(kind, {}).get("encoding", "utf-8"))


def _parquet(table: pa.Table) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream, row_group_size=7)
    return stream.getvalue()


# ----------------------------------------------------------------------------------------------------------- spoiling bytes


def _place(data: bytes, dice: random.Random) -> int:
    return dice.randrange(len(data) + 1)


def _insert(*what: bytes) -> Spoil:
    def spoil(data: bytes, dice: random.Random) -> bytes:
        place = _place(data, dice)
        return data[:place] + dice.choice(what) + data[place:]

    return spoil


def _flip(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 3, 20))):
        if changed:
            changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _cut_out(data: bytes, dice: random.Random) -> bytes:
    begin = _place(data, dice)
    return data[:begin] + data[begin + dice.choice((1, 2, 50, 400)) :]


def _repeat(data: bytes, dice: random.Random) -> bytes:
    begin = _place(data, dice)
    span = data[begin : begin + dice.choice((1, 30, 300))]
    return data[:begin] + span * 2 + data[begin + len(span) :]


def _lines(change: Callable[[list[bytes], random.Random], list[bytes]]) -> Spoil:
    return lambda data, dice: b"".join(change(data.splitlines(keepends=True), dice))


def _some(change: Callable[[bytes, random.Random], bytes]) -> Spoil:
    """Change a few lines, or all of them."""

    def spoil(lines: list[bytes], dice: random.Random) -> list[bytes]:
        many = dice.choice((1, 2, 3, len(lines)))
        chosen = set(dice.sample(range(len(lines)), min(many, len(lines))))
        return [change(line, dice) if number in chosen else line for number, line in enumerate(lines)]

    return _lines(spoil)


def _shuffle(lines: list[bytes], dice: random.Random) -> list[bytes]:
    return dice.sample(lines, len(lines))


def _header(change: Callable[[list[str], random.Random], list[str]]) -> Spoil:
    def spoil(lines: list[bytes], dice: random.Random) -> list[bytes]:
        if not lines:
            return lines
        delimiter = next((mark for mark in (b";", b"\t", b",") if mark in lines[0]), b",")
        names = [name.decode("utf-8", "surrogateescape") for name in lines[0].rstrip(b"\r\n").split(delimiter)]
        changed = [name.encode("utf-8", "surrogateescape") for name in change(names, dice)]
        return [delimiter.join(changed) + b"\n", *lines[1:]]

    return _lines(spoil)


def _at(names: list[str], dice: random.Random, change: Callable[[str], list[str]]) -> list[str]:
    place = dice.randrange(len(names))
    return [*names[:place], *change(names[place]), *names[place + 1 :]]


def _json(change: Callable[[dict[str, Any], random.Random], object]) -> Spoil:
    def line(data: bytes, dice: random.Random) -> bytes:
        try:
            row = json.loads(data)
        except ValueError:
            return data
        return (
            json.dumps(change(row, dice), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
            if isinstance(row, dict)
            else data
        )

    return _some(line)


def _rename_key(row: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    key = dice.choice(sorted(row) or [""])
    other = dice.choice((key.upper(), key.title(), "", " ", "email", "a\x00b", '"', "x'y", f"{key} "))
    return {(other if name == key else name): value for name, value in row.items()}


def _add_key(row: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    return {
        **row,
        dice.choice(
            ("Email", "EMAIL", "", "a.b", "$", '"', "_extra", "line", "_source_row", "_leadrelay_row", "text of email")
        ): f"Q9{dice.randrange(90) + 10}xZ",
    }


def _without_luck(line: bytes) -> bytes:
    return re.sub(rb', "Lucky number": "[^"]*"', b"", line)


def _other_value(row: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    values = (
        None,
        1,
        1.5,
        True,
        [],
        ["a", {"b": 1}],
        {"date": "x"},
        "",
        " ",
        "NaN",
        "infinity",
        "9" * 400,
        "1e400",
        "\ud800",
        "\x00",
        "-5",
    )
    return {**row, dice.choice(COLUMNS): dice.choice(values)}


BYTES: dict[str, Spoil] = {
    "truncate": lambda data, dice: data[: _place(data, dice)],
    "flip bits": _flip,
    "cut out": _cut_out,
    "repeat a span": _repeat,
    "insert NUL": _insert(b"\x00", b"\x00\x00\x00\x00"),
    "insert noise": _insert(
        b"\xff", b"\xfe\xff", b"\x80", b"\xc3", b"\x1a", b"\x01", b"\x02", b"\x85", b"\xe2\x80\xa8"
    ),
    "insert BOM": _insert(codecs.BOM_UTF8, codecs.BOM_UTF16_LE),
    "BOM first": lambda data, _: codecs.BOM_UTF8 + data,
    "nothing left": lambda data, dice: dice.choice((b"", b"\n", b"\n\n\n", b" ", b"\r\n", data[:1], b"\x00")),
    "join itself": lambda data, _: data + data,
}
TEXT: dict[str, Spoil] = {
    **BYTES,
    "insert quote": _insert(b'"', b'""', b"'", b'","', b'"\n"'),
    "insert line end": _insert(b"\n", b"\r\n", b"\r", b"\n\n", b"\n \n"),
    "huge field": _insert(b"x" * 3_000, b"x" * 90_000, b"\n" * 70, b"," * 300),
    "CRLF here and there": _some(lambda line, _: line.rstrip(b"\r\n") + b"\r\n"),
    "CR here and there": _some(lambda line, _: line.rstrip(b"\r\n") + b"\r"),
    "no last line end": lambda data, _: data.rstrip(b"\r\n"),
    "blank lines": _some(lambda line, dice: line + dice.choice((b"\n", b"  \n", b"\r\n", b"\t\n"))),
    "lines twice": _some(lambda line, _: line + line),
    "half a line": _some(lambda line, dice: line[: dice.randrange(len(line) + 1)] + b"\n"),
    "lines drop out": _some(lambda _line, _: b""),
    "lines shuffled": _lines(_shuffle),
    "other encoding": _some(
        lambda line, dice: line.decode("utf-8", "replace").encode(
            dice.choice(("gb18030", "utf-16", "latin-1", "cp1252")), "replace"
        )
    ),
    "formula": _some(lambda line, _: b"=cmd|' /C calc'!A0" + line),
    "join lines": _some(lambda line, _: line.rstrip(b"\r\n")),
}
CSV: dict[str, Spoil] = {
    **TEXT,
    "other delimiter": _some(lambda line, dice: line.replace(b",", dice.choice((b";", b"\t", b"|", b",,")))),
    "fields drop out": _some(lambda line, dice: b",".join(line.split(b",")[: dice.randrange(4)]) + b"\n"),
    "fields too many": _some(lambda line, dice: line.rstrip(b"\r\n") + b",more" * dice.randrange(1, 9) + b"\n"),
    "header twice": _lines(lambda lines, _: lines[:1] + lines),
    "no header": _lines(lambda lines, _: lines[1:]),
    "column named twice": _header(lambda names, dice: _at(names, dice, lambda name: [name.upper(), name])),
    "column renamed": _header(
        lambda names, dice: _at(
            names,
            dice,
            lambda name: [
                dice.choice(
                    (
                        "",
                        " ",
                        "x'y",
                        'a"b',
                        "_extra",
                        "_source_row",
                        "rowid",
                        "line",
                        "_leadrelay_row",
                        f" {name} ",
                        name.title(),
                        "é",
                        "text of email",
                    )
                )
            ],
        )
    ),
    "column missing": _header(lambda names, dice: _at(names, dice, lambda _: [])),
    "column more": _header(lambda names, dice: _at(names, dice, lambda name: [name, "more"])),
    "quotes gone": lambda data, _: data.replace(b'"', b""),
    "quotes doubled": lambda data, _: data.replace(b'"', b'""'),
}
JSON: dict[str, Spoil] = {
    **TEXT,
    "key renamed": _json(_rename_key),
    "key more": _json(_add_key),
    "other value": _json(_other_value),
    "key gone": _json(lambda row, dice: {name: value for name, value in row.items() if name != dice.choice(COLUMNS)}),
    "only what is declared": _lines(lambda lines, _: [_without_luck(line) for line in lines]),
    "no object": _json(lambda row, dice: dice.choice(([row], "text", 5, None, {}))),
    "a whole array": lambda data, _: b"[" + b",".join(data.splitlines()) + b"]",
}
GZIP: dict[str, Spoil] = {
    "gz cut": lambda data, dice: data[: _place(data, dice)],
    "gz bits": _flip,
    "gz and noise": lambda data, dice: data + bytes(dice.randrange(256) for _ in range(9)),
    "gz twice": lambda data, _: data + data,
    "gz of nothing": lambda _data, _: gzip.compress(b""),
    "gz not packed": lambda data, _: gzip.decompress(data),
}


def _recast(data: bytes, dice: random.Random) -> bytes:
    """Write a Parquet file again with another column: gone, renamed, of another type, or nested."""
    try:
        table = pq.read_table(io.BytesIO(data))
    except (pa.ArrowException, OSError):
        return data
    place = dice.randrange(table.num_columns)
    name = table.column_names[place]
    values = {
        "gone": None,
        "renamed": (f"{name} new", table.column(place)),
        "number of a row": ("file_row_number", table.column(place)),
        "row": ("_source_row", table.column(place)),
        "upper": (name.upper(), table.column(place)),
        "null": (name, pa.nulls(table.num_rows)),
        "integer": (name, pa.array(range(table.num_rows))),
        "list": (name, pa.array([[str(value)] for value in table.column(place).to_pylist()])),
        "struct": (name, pa.array([{"v": str(value)} for value in table.column(place).to_pylist()])),
        "binary": (name, pa.array([str(value).encode() for value in table.column(place).to_pylist()])),
        "timestamp": (name, pa.array([datetime(2026, 2, 1)] * table.num_rows)),
        "decimal": (name, pa.array(range(table.num_rows)).cast(pa.decimal128(38, 3))),
    }
    change = values[dice.choice(sorted(values))]
    changed = table.remove_column(place)
    return _parquet(changed if change is None else changed.add_column(place, change[0], change[1]))


PARQUET: dict[str, Spoil] = {
    "pq cut": lambda data, dice: data[: _place(data, dice)],
    "pq bits": _flip,
    "pq cut out": _cut_out,
    "pq and noise": lambda data, _: data + b"PAR1",
    "pq other column": _recast,
    "pq no rows": lambda data, _: _parquet(pq.read_table(io.BytesIO(_whole())).slice(0, 0)) if data else data,
    "pq nothing": lambda _data, dice: dice.choice((b"", b"PAR1", b"PAR1PAR1")),
}


def _whole() -> bytes:
    return _parquet(pa.Table.from_pylist(rows()))


def _steps(kind: str) -> dict[str, Spoil]:
    if kind == "parquet":
        return PARQUET
    steps = JSON if kind.startswith("jsonl") else CSV
    return {**steps, **GZIP} if kind.endswith(".gz") else steps


def spoilt(case: Case) -> bytes:
    """Return the bytes of a case's file."""
    if case.kind == "parquet":
        data = _whole()
        for name, seed in case.steps:
            data = PARQUET[name](data, random.Random(seed))
        return data
    data = _plain(case.kind)
    steps = _steps(case.kind)
    for name, seed in case.steps:
        if name not in GZIP:
            data = steps[name](data, random.Random(seed))
    if case.kind.endswith(".gz"):
        data = gzip.compress(data, mtime=0)
        for name, seed in case.steps:
            if name in GZIP:
                with contextlib.suppress(gzip.BadGzipFile, EOFError, zlib.error):
                    data = GZIP[name](data, random.Random(seed))
    return data


# ---------------------------------------------------------------------------------------------------------- what must hold


def readable_marks(case: Case, data: bytes) -> set[str]:
    """Return the marks that can be read in a spoilt file's rows, without the loader."""
    if case.kind == "parquet":
        try:
            return set(MARK.findall(json.dumps(pq.read_table(io.BytesIO(data)).to_pylist(), default=str)))
        except Exception:  # noqa: BLE001 - whatever a spoilt file makes of its reader
            return set()
    if case.kind.endswith(".gz"):
        try:
            data = gzip.decompress(data)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            return set()
    text = data.decode(OPTIONS.get(case.kind, {}).get("encoding", "utf-8"), "replace")
    if not case.kind.startswith("jsonl"):
        # The first line that is not blank names the columns; a mark in there is a name and no value.
        lines = text.lstrip("\ufeff").split("\n")
        first = next((number for number, line in enumerate(lines) if line.strip()), 0)
        text = "\n".join(lines[first + 1 :])
    return set(MARK.findall(text))


@dataclass
class Mill:
    """One warehouse in memory that takes one spoilt file after the other."""

    home: Path
    with_gate: bool = False
    outcomes: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.settings = Settings(home=self.home, sources_file=PROJECT_ROOT / "sources.yml")
        self.table = load_contract(self.settings.models_dir).table(TABLE)
        self.connection = duckdb.connect(":memory:")
        self.connection.execute("set TimeZone = 'UTC'")
        prepare(self.connection)

    def grind(self, case: Case) -> list[str]:
        """Load a case's file and return what does not hold; nothing when all does.

        A crash is not caught: it is the worst of all.
        """
        data = spoilt(case)
        folder = self.settings.landing_dir / TABLE.replace(".", "/") / "2026-03-01"
        folder.mkdir(parents=True)
        path = folder / f"a.{ENDINGS.get(case.kind, case.kind)}"
        path.write_bytes(data)
        try:
            with self._gate():
                result = self._load(case)
                again = self._load(case)
            problems = [*self._problems(case, data, result)]
            if result.files and not result.is_refused and again.files:
                problems.append("what is loaded was loaded once more")
            if path.read_bytes() != data or checksum(path)[1] != len(data):
                problems.append("the landed file is not what it was")
            if leftovers := self.connection.execute(
                "select table_name from duckdb_tables() where temporary"
            ).fetchall():
                problems.append(f"temporary tables stay: {leftovers}")
            if list(self.home.glob(".load-*")):
                problems.append("a work folder stays")
            self._count(result)
            return problems
        finally:
            shutil.rmtree(self.settings.landing_dir)
            for name in (
                f"raw.{self.table.identifier}",
                f"quarantine.{self.table.identifier}",
                "ops.loads",
                "ops.quality_results",
            ):
                self.connection.execute(f"delete from {name}")

    def _load(self, case: Case) -> LoadResult:
        feeds = (Feed(system="site", files="*", options=OPTIONS.get(case.kind, {})),)
        pending = pending_files(self.connection, self.settings, self.table, feeds, settle_seconds=0, now=ARRIVED_AT)
        return load_table(self.connection, self.settings, self.table, feeds, "fuzz", pending)

    @contextlib.contextmanager
    def _gate(self) -> Iterator[None]:
        """Leave out Great Expectations, which takes half a second a batch, and let all but a whole batch go to quarantine."""
        if self.with_gate:
            yield
            return
        with mock.patch.object(
            loader,
            "judge_batch",
            lambda connection, batch, suite: judge_batch(
                connection, batch, replace(suite, checks=(), expectations=(), tolerance=1.0)
            ),
        ):
            yield

    def _count(self, result: LoadResult) -> None:
        what = "refused" if result.is_refused else "some in quarantine" if result.rows_quarantined else "loaded"
        self.outcomes[what] += 1

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()

    def _problems(self, case: Case, data: bytes, result: LoadResult) -> Iterator[str]:
        raw, quarantine = f"raw.{self.table.identifier}", f"quarantine.{self.table.identifier}"
        kept = self._rows(f"select (select count(*) from {raw}), (select count(*) from {quarantine})")[0]
        books = self._rows(
            "select status, rows_in, rows_loaded, rows_quarantined, rows_collapsed, message from ops.loads"
        )
        if not result.files:
            yield f"the file was not taken: {result.message}"
        if result.is_refused:
            if kept != (0, 0):
                yield f"a refused batch left {kept} rows"
            if not result.message.strip() or {book[0] for book in books} != {"refused"} or not books[0][5]:
                yield "a refusal that says nothing"
            return
        counted = (result.rows_in, result.rows_loaded, result.rows_quarantined, result.rows_collapsed)
        if kept != counted[1:3] or counted[0] != sum(counted[1:]):
            yield f"rows in {counted[0]}, counted {counted[1:]}, kept {kept}"
        if [book[:5] for book in books] != [("loaded", *counted)]:
            yield f"the books say {books}"
        if unplaced := self._rows(
            f"select count(*) from {quarantine} where raw_text is null or len(reasons) = 0 or source_row is null"
        )[0][0]:
            yield f"{unplaced} rows in quarantine without text, reason or place"
        texts = [
            *(str(row) for row in self._rows(f"select * from {raw}")),
            *(str(text) for (text,) in self._rows(f"select raw_text from {quarantine}")),
        ]
        # Only the beginning of a broken row of enormous length is kept; the landed file keeps all of it.
        if any(len(text) > RAW_TEXT_LIMIT * 9 // 10 for text in texts):
            return
        lost = readable_marks(case, data) - {mark for text in texts for mark in MARK.findall(text)}
        if lost:
            yield f"lost: {sorted(lost)}"
