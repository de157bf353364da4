"""Bytes to plain UTF-8 text that DuckDB can read without losing a line in silence.

DuckDB drops the rest of a truncated .gz or .zst and a line over its limit without a word, and stops at mixed line ends. So each
text file is looked at once in large blocks: checksum, line count, longest line, line ends, encoding. Only a file that needs it
is rewritten into the work folder (re-encoded, unpacked, line ends made even, over-long lines replaced by a marker).
Who may call it: `orchestration.ingest.reader`.
"""

import codecs
import gzip
import hashlib
import io
import mmap
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from orchestration.errors import LandingError
from orchestration.ingest.landing import CHUNK_BYTES, LandedFile

# A longer line is no record but a broken export; it goes to quarantine by its size alone.
MAX_LINE_BYTES = 16 << 20
# DuckDB's own limit of a line, unless told otherwise.
ENGINE_LINE_BYTES = 2_000_000
OVERLONG_MARK = "\x02leadrelay: line left out, bytes: "

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True)
class PlainFile:
    """A text file ready for DuckDB.

    Parameters
    ----------
    path
        What to read: the landed file itself, or a rewritten copy in the work folder.
    line_count
        Physical lines, or None where only DuckDB unpacks the file (.zst).
    longest_line
        Bytes of the longest line.
    sound_records
        Records that must be read from it, where `split_records` wrote it.
    """

    path: Path
    line_count: int | None
    longest_line: int
    sound_records: int | None = None


@dataclass(frozen=True)
class BrokenRecord:
    r"""A record of a CSV file that is no record: where it stands, its own text and what is wrong with it.

    Parameters
    ----------
    number
        Place among the file's records, from 1, blank lines and header not counted.
    text
        As it came; bytes that are no UTF-8 are written as ``\xNN``.
    kind
        In the words of DuckDB's reject tables.
    """

    number: int
    text: str
    kind: str


@dataclass
class _Facts:
    """What one pass over the bytes found."""

    lines: int = 0
    carriage_returns: int = 0
    longest: int = 0
    _open: int = 0
    _last: bytes = b"\n"

    def see(self, chunk: bytes) -> None:
        """Count one block."""
        self.lines += chunk.count(b"\n")
        self.carriage_returns += chunk.count(b"\r\n") + (self._last == b"\r" and chunk[:1] == b"\n")
        first = chunk.find(b"\n")
        if first < 0:
            self._open += len(chunk)
            self.longest = max(self.longest, self._open)
        else:
            # Lines inside one block are shorter than the block, which is below the engine's limit.
            self.longest = max(self.longest, self._open + first, min(len(chunk), CHUNK_BYTES))
            self._open = len(chunk) - chunk.rfind(b"\n") - 1
        self._last = chunk[-1:]

    @property
    def line_count(self) -> int:
        """Lines, the last one with or without its end."""
        return self.lines + (self._last != b"\n")

    @property
    def is_uneven(self) -> bool:
        """Whether some lines end in CR LF and others in LF."""
        return 0 < self.carriage_returns < self.lines


def prepare_text(file: LandedFile, work_dir: Path, index: int) -> PlainFile:
    """Check a landed text file's bytes and make it readable for DuckDB.

    Parameters
    ----------
    file
        The landed file.
    work_dir
        Folder of this load, removed afterwards.
    index
        Number of the file in the batch; gives the copy its name.

    Returns
    -------
    PlainFile
        Where the UTF-8 text lies and how many lines it has.

    Raises
    ------
    LandingError
        If the file has changed since it landed, is cut off, or is not in the stated compression or encoding.
    """
    compression = file.feed.compression_of(file.path.name)
    encoding = codecs.lookup(file.feed.options.encoding).name
    suffix = ".txt.zst" if compression == "zstd" else ".txt"
    link = work_dir / f"{index}{suffix}"
    facts = _Facts()
    if compression == "zstd":
        _check_zstd(file, encoding)
        verify_checksum(file)
        link.symlink_to(file.path)
        return PlainFile(path=link, line_count=None, longest_line=MAX_LINE_BYTES)
    digest = hashlib.sha256()
    must_rewrite = compression == "gzip" or encoding not in ("utf-8", "utf_8", "ascii")
    if must_rewrite:
        with link.open("wb") as target:
            for chunk in _decoded(file, compression, encoding, digest):
                facts.see(chunk)
                target.write(chunk)
    else:
        for chunk in _blocks(file, digest):
            facts.see(chunk)
        link.symlink_to(file.path)
    _verify_digest(file, digest.hexdigest())
    if facts.is_uneven or facts.longest > MAX_LINE_BYTES:
        copy = work_dir / f"{index}.even.txt"
        _rewrite_lines(link, copy)
        link = copy
    return PlainFile(path=link, line_count=facts.line_count, longest_line=min(facts.longest, MAX_LINE_BYTES))


def verify_checksum(file: LandedFile) -> None:
    """Hold a landed file against its sidecar.

    Raises
    ------
    LandingError
        If its bytes are not those that landed.
    """
    digest = hashlib.sha256()
    for _ in _blocks(file, digest):
        pass
    _verify_digest(file, digest.hexdigest())


def count_blank_lines(path: Path) -> int:
    """Count lines without anything but white space; only called when line counts disagree."""
    with path.open("rb") as stream:
        return sum(1 for line in stream if not line.strip())


def _verify_digest(file: LandedFile, found: str) -> None:
    if found != file.sha256:
        raise LandingError(
            f"{file.relative_path}: changed since it landed (checksum {found[:12]}..., its sidecar says {file.sha256[:12]}...). "
            "A landed file is never changed: restore it, and land the new content under another name."
        )


def _blocks(file: LandedFile, digest: "hashlib._Hash") -> Iterator[bytes]:
    try:
        with file.path.open("rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
                yield chunk
    except OSError as error:
        raise LandingError(f"{file.relative_path}: cannot be read ({error.strerror}).") from error


class _HashingReader(io.RawIOBase):
    """A raw stream that feeds every byte it hands out to a checksum."""

    def __init__(self, stream: BinaryIO, digest: "hashlib._Hash") -> None:
        self._stream = stream
        self._digest = digest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        chunk = self._stream.read(len(buffer))
        self._digest.update(chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)


def _mark_undecodable(error: UnicodeError) -> tuple[str, int]:
    """Replace what cannot be decoded by a byte that is not UTF-8, so that its row (and only that) is refused as wrongly encoded."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


codecs.register_error("leadrelay_mark", _mark_undecodable)


def _decoded(file: LandedFile, compression: str, encoding: str, digest: "hashlib._Hash") -> Iterator[bytes]:
    is_utf8 = encoding in ("utf-8", "ascii")
    decoder = None if is_utf8 else codecs.getincrementaldecoder(encoding)("leadrelay_mark")
    try:
        with file.path.open("rb") as raw:
            hashing = io.BufferedReader(_HashingReader(raw, digest), CHUNK_BYTES)
            stream = gzip.GzipFile(fileobj=hashing) if compression == "gzip" else hashing
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk if decoder is None else decoder.decode(chunk).encode("utf-8", "surrogateescape")
            if decoder is not None:
                rest = decoder.decode(b"", final=True).encode("utf-8", "surrogateescape")
                if rest:
                    yield rest
            while hashing.read(CHUNK_BYTES):
                pass  # what follows the last gzip member still belongs to the checksum
    except EOFError as error:
        raise LandingError(
            f"{file.relative_path}: the gzip file is cut off. Land it again under another name and remove this one."
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise LandingError(
            f"{file.relative_path}: not a sound gzip file ({error}). Correct the name or options.compression."
        ) from error
    except UnicodeError as error:
        raise LandingError(
            f"{file.relative_path}: not readable as {encoding} ({error}). Correct options.encoding."
        ) from error
    except OSError as error:
        raise LandingError(f"{file.relative_path}: cannot be read ({error.strerror}).") from error


def _rewrite_lines(source: Path, target: Path) -> None:
    with source.open("rb") as stream, target.open("wb") as copy:
        while line := stream.readline(MAX_LINE_BYTES + 2):
            if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
                size = len(line)
                while (rest := stream.readline(CHUNK_BYTES)) and not rest.endswith(b"\n"):
                    size += len(rest)
                size += len(rest)
                # The field separator of a JSON line makes it one field too many, so that the marker is a line that cannot be read.
                copy.write(f"{OVERLONG_MARK}{size}\x01-\n".encode())
            elif line.endswith(b"\r\n"):
                copy.write(line[:-2] + b"\n")
            else:
                copy.write(line)


def _check_zstd(file: LandedFile, encoding: str) -> None:
    """Walk the frames by their headers: DuckDB reads a cut-off file to its last whole block and says nothing."""
    if encoding not in ("utf-8", "ascii"):
        raise LandingError(f"{file.relative_path}: .zst is read as UTF-8 only; land {encoding} files plain or as .gz.")
    cut_off = LandingError(
        f"{file.relative_path}: the zstd file is cut off. Land it again under another name and remove this one."
    )
    with file.path.open("rb") as stream:
        while magic := stream.read(4):
            if len(magic) == 4 and magic[1:] == b"\x2a\x4d\x18" and 0x50 <= magic[0] <= 0x5F:  # noqa: PLR2004 (RFC 8878, 3.1.2)
                size = int.from_bytes(stream.read(4), "little")
                if len(stream.read(size)) != size:
                    raise cut_off
                continue
            if magic != _ZSTD_MAGIC:
                raise LandingError(f"{file.relative_path}: not a zstd file. Correct the name or options.compression.")
            _walk_zstd_frame(stream, cut_off)


def _walk_zstd_frame(stream: BinaryIO, cut_off: LandingError) -> None:
    def take(count: int) -> bytes:
        data = stream.read(count)
        if len(data) != count:
            raise cut_off
        return data

    descriptor = take(1)[0]
    is_single_segment = bool(descriptor >> 5 & 1)
    has_checksum = bool(descriptor >> 2 & 1)
    content_size = (1 if is_single_segment else 0, 2, 4, 8)[descriptor >> 6]
    take((0 if is_single_segment else 1) + (0, 1, 2, 4)[descriptor & 3] + content_size)
    is_last = False
    while not is_last:
        header = int.from_bytes(take(3), "little")
        is_last = bool(header & 1)
        kind = header >> 1 & 3
        take(1 if kind == 1 else header >> 3)
    if has_checksum:
        take(4)


def texts_at(path: Path, places: Sequence[tuple[int, int]], limit: int) -> list[str]:
    r"""Return records of a file as text, for those that are not in its encoding.

    DuckDB tells such a row up to its ten thousandth byte, with a question mark for the wrong byte and for the right ones that a longer
    character would have taken.

    Parameters
    ----------
    path
        UTF-8 text.
    places
        First byte of each record, and how many bytes of it DuckDB told; it goes on to the next line end.
    limit
        Most bytes of a record.

    Returns
    -------
    list of str
        One per place; bytes that are no UTF-8 are written as ``\xNN``.
    """
    texts = []
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
        for begin, length in places:
            line_end = text.find(b"\n", begin + length)
            end = min(len(text) if line_end < 0 else line_end, begin + limit)
            texts.append(text[begin:end].removesuffix(b"\r").decode("utf-8", "backslashreplace"))
    return texts


def split_records(
    source: Path, target: Path, delimiter: str, quote: str, field_count: int, *, has_header: bool
) -> tuple[int, list[BrokenRecord]]:
    """Write a CSV file's sound records into another one and return the broken ones.

    Only for a file in which DuckDB met a quote that is opened or closed where it may not be: it then tells a neighbour's text for the
    broken record's. What is no record ends at the next line end, so that one stray quote does not swallow its followers.

    Parameters
    ----------
    source
        UTF-8 text.
    target
        Where the sound records go, the header with them.
    delimiter, quote
        One character each.
    field_count
        Fields of a sound record.
    has_header
        Whether the first line that is not blank names the columns.

    Returns
    -------
    tuple
        How many records are sound, and the broken ones in their order.
    """
    broken: list[BrokenRecord] = []
    sound = number = 0
    record = _record_pattern(delimiter, quote)
    with source.open("rb") as stream, target.open("wb") as copy:
        if not stream.seek(0, io.SEEK_END):
            return 0, []
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
            place = _after_header(text, copy) if has_header else 0
            while place < len(text):
                found = record.match(text, place, min(len(text), place + MAX_LINE_BYTES))
                if found is None:
                    line_end = text.find(b"\n", place)
                    end = len(text) if line_end < 0 else line_end
                else:
                    end = found.end()
                piece = text[place:end].removesuffix(b"\r")
                place = end + 1
                if not piece.strip():
                    continue
                number += 1
                kind = _what_is_wrong(piece, found, delimiter, quote, field_count)
                if kind is None:
                    sound += 1
                    copy.write(piece + b"\n")
                else:
                    broken.append(BrokenRecord(number, piece.decode("utf-8", "backslashreplace"), kind))
    return sound, broken


def _record_pattern(delimiter: str, quote: str) -> "re.Pattern[bytes]":
    d, q = (re.escape(mark.encode()) for mark in (delimiter, quote))
    field = rb"(?:%(q)s(?:(?!%(q)s).|%(q)s%(q)s)*+%(q)s|(?:(?!%(d)s|%(q)s)[^\n])(?:(?!%(d)s)[^\n])*+|)" % {
        b"d": d,
        b"q": q,
    }
    return re.compile(rb"%(f)s(?:%(d)s%(f)s)*+(?=\r?\n|\r?\Z)" % {b"f": field, b"d": d}, re.DOTALL)


def _after_header(text: mmap.mmap, copy: BinaryIO) -> int:
    place = 0
    while place < len(text):
        line_end = text.find(b"\n", place)
        end = len(text) if line_end < 0 else line_end
        line = text[place:end]
        place = end + 1
        if line.strip():
            copy.write(line + b"\n")
            break
    return place


def _what_is_wrong(
    piece: bytes, found: "re.Match[bytes] | None", delimiter: str, quote: str, field_count: int
) -> str | None:
    if found is None:
        return "UNQUOTED VALUE"
    try:
        piece.decode("utf-8")
    except UnicodeDecodeError:
        return "INVALID ENCODING"
    d, q = (re.escape(mark.encode()) for mark in (delimiter, quote))
    inside = (
        re.sub(rb"%(q)s(?:(?!%(q)s).|%(q)s%(q)s)*+%(q)s" % {b"q": q}, b"", piece, flags=re.DOTALL)
        if quote.encode() in piece
        else piece
    )
    fields = len(re.findall(d, inside)) + 1
    if fields == field_count:
        return None
    return "MISSING COLUMNS" if fields < field_count else "TOO MANY COLUMNS"
