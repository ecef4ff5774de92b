# SPDX-License-Identifier: Apache-2.0
"""What a line of an AWS flow log means, one line at a time and with the reason if it means nothing.

The kernel in ``metering/text_records.py`` means the same, only faster; it stops at what is not
written as usual, and this decides.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from minewatch.metering import text_records as words
from minewatch.readers.flowlogs.addresses import address_halves
from minewatch.readers.flowlogs.aws_fields import ACTIONS, OBSERVERS, STATUSES, Layout
from minewatch.readers.flowlogs.observers import observation_point
from minewatch.records import DENIED, UNKNOWN

MILLISECONDS: Final = "times in milliseconds"
_MAX_COUNT: Final = (1 << 63) - 1
_SYN, _ACK = 2, 16
_TCP: Final = 6
_SHOWN: Final = 40
"""Characters of a value that a message repeats."""
_ORDER: Final = "check that the header line names the fields in the order of this line"
_SPACES: Final = bytes(max(octet, 32) for octet in range(256))


class LineError(Exception):
    """A line cannot be used.

    Parameters
    ----------
    reason : the same for all lines of its kind.
    cure : what was found, and what to do.
    """

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cure = cure


def shown(text: str) -> str:
    """Return a value as a message shows it: quoted, and cut when it is long.

    Examples
    --------
    >>> shown("70000"), len(shown("9" * 1000))
    ("'70000'", 45)
    """
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def fields_of(line: bytes, n: int) -> list[str]:
    r"""Return the fields of a line: what lies between white space and control octets.

    Parameters
    ----------
    line : without its line feed.
    n : fields that it should have; between two spaces lies an empty one if it fits so.

    Examples
    --------
    >>> fields_of(b"2 eni-1\t-\x00 10.0.0.1\r", 4)
    ['2', 'eni-1', '-', '10.0.0.1']
    >>> fields_of(b"2  10.0.0.1", 3)
    ['2', '', '10.0.0.1']
    """
    parts = line.translate(_SPACES).split(b" ")
    while len(parts) > n and not parts[-1]:
        parts.pop()
    if len(parts) != n:
        parts = [part for part in parts if part]
    return [part.decode("utf-8", "backslashreplace") for part in parts]


class Line:
    """The fields of one line, by name.

    Parameters
    ----------
    fields : as ``fields_of`` gives them.
    layout : their names; none that is needed is missing.

    Raises
    ------
    LineError : another number of fields than names.
    """

    def __init__(self, fields: list[str], layout: Layout) -> None:
        if len(fields) != len(layout.fields):
            raise LineError(
                "wrong number of fields",
                f"{len(layout.fields)} expected, {len(fields)} found; the line is cut or bogus, or"
                " lacks a header line of its own",
            )
        # The first of two columns of one name counts, as in ``layout_of``.
        self._values = dict(zip(reversed(layout.fields), reversed(fields), strict=True))
        self._layout = layout

    def text(self, name: str) -> str:
        """Return a field, empty where the log has none or does not know it."""
        value = self._values.get(name, "")
        return "" if value == "-" else value

    def number(self, name: str, largest: int) -> int:
        """Return a field as a number; UNKNOWN where ``text`` is empty.

        Raises
        ------
        LineError : it is no number, or above the largest that this field can have.
        """
        text = self.text(name)
        if not text:
            return UNKNOWN
        if not (text.isascii() and text.removeprefix("-").isdigit()):
            raise LineError(f"{name} is no number", f"found {shown(text)}; {_ORDER}")
        digits = text.lstrip("0") or "0"
        # Python refuses to convert thousands of digits.
        if text[0] == "-" or len(digits) > 19 or int(digits) > largest:
            raise LineError(
                f"{name} is out of range", f"0 to {largest} expected, found {shown(text)}; {_ORDER}"
            )
        return int(digits)

    def known_number(self, name: str, largest: int) -> int:
        """Return a field as a number.

        Raises
        ------
        LineError : the log does not know it; or as ``number``.
        """
        value = self.number(name, largest)
        if value == UNKNOWN:
            raise LineError(f"{name} is unknown", f"'-' tells of no flow; {_ORDER}")
        return value

    def address(self, name: str) -> tuple[int, int]:
        """Return the halves of the packets' own address, or else of the interface's.

        Raises
        ------
        LineError : it is no address, or not known.
        """
        text = self.text(f"pkt-{name}") or self.text(name)
        if not text:
            raise LineError(f"{name} is unknown", f"'-' tells of no flow; {_ORDER}")
        try:
            return address_halves(text)
        except ValueError as error:
            raise LineError(f"{name} is no address", f"found {shown(text)}; {_ORDER}") from error

    def word(self, name: str, words_known: frozenset[str]) -> str:
        """Return a field that has one of a few words, or nothing.

        Raises
        ------
        LineError : it has another.
        """
        text = self.text(name)
        if text and text not in words_known:
            expected = ", ".join(sorted(words_known))
            raise LineError(
                f"{name} is not known", f"{expected} expected, found {shown(text)}; {_ORDER}"
            )
        return text

    def observer(self) -> int:
        """Return who saw the flow: the attachment, the interface, or what else there is."""
        if "tgw-id" in self._layout.fields:
            return observation_point(
                *(
                    self.text(name)
                    for name in ("tgw-id", "tgw-attachment-id")
                    if name in self._values
                )
            )
        return observation_point(next(filter(None, map(self.text, OBSERVERS)), ""))

    def initiator(self, protocol: int, flags: int) -> int:
        """Return ``is_source_initiator``, which only the opening of TCP tells."""
        if protocol != _TCP or flags < 0 or not flags & _SYN:
            return UNKNOWN
        if not flags & _ACK:
            return 1
        return UNKNOWN if self._layout.words[words.TELLS_ACK] else 0

    def times(self) -> tuple[int, int, bool]:
        """Return start and end in ns, and whether they stand there in milliseconds.

        Raises
        ------
        LineError : no flow log was written then, or the end is before the start.
        """
        start = self.known_number("start", _MAX_COUNT)
        end = self.known_number("end", _MAX_COUNT)
        unit, is_repaired = 1_000_000_000, False
        if start > words.LATEST_SECOND and end > words.LATEST_SECOND:
            unit, is_repaired = 1_000_000, True
        first, last = (
            second * 1_000_000_000 // unit
            for second in (words.EARLIEST_SECOND, words.LATEST_SECOND)
        )
        if not (first <= start <= last and first <= end <= last):
            raise LineError(
                "time is not between 1990 and 2100",
                f"Unix seconds expected, found start {start} and end {end}; {_ORDER}",
            )
        if end < start:
            raise LineError("end before start", f"start {start}, end {end}; {_ORDER}")
        return start * unit, end * unit, is_repaired


def read_line(fields: list[str], layout: Layout, record: np.void) -> str:
    """Fill a record that ``new_records`` made, or only return what the line is instead.

    Parameters
    ----------
    fields : as ``fields_of`` gives them.
    layout : their names.
    record : what to fill.

    Returns
    -------
    status : ``NODATA``, ``SKIPDATA``, ``MILLISECONDS`` if the record was filled after that
        repair, or empty.

    Raises
    ------
    LineError : the line cannot be used.
    """
    line = Line(fields, layout)
    if layout.words[words.VERSION] >= 0 and line.text("version") != "2":
        raise LineError(
            "another version in a log without a header line",
            f"2 expected, found {shown(line.text('version'))}; write a header line that names the"
            " fields before it",
        )
    status = line.word("log-status", STATUSES)
    if status not in ("", "OK"):
        return status
    source, destination = line.address("srcaddr"), line.address("dstaddr")
    record["source_address_high"], record["source_address_low"] = source
    record["destination_address_high"], record["destination_address_low"] = destination
    # AWS writes 0 where a protocol has no ports; what it does not know is no more than that.
    record["source_transport_port"] = max(line.number("srcport", 65535), 0)
    record["destination_transport_port"] = max(line.number("dstport", 65535), 0)
    protocol = line.known_number("protocol", 255)
    flags = line.number("tcp-flags", 255)
    record["protocol_identifier"] = protocol
    record["tcp_control_bits"] = flags
    record["is_source_initiator"] = line.initiator(protocol, flags)
    record["packet_delta_count"] = line.number("packets", _MAX_COUNT)
    record["octet_delta_count"] = line.number("bytes", _MAX_COUNT)
    is_denied = line.word("action", ACTIONS) == "REJECT"
    record["firewall_event"] = DENIED if is_denied else 0
    record["observation_point"] = line.observer()
    start, end, is_repaired = line.times()
    record["flow_start_nanoseconds"], record["flow_end_nanoseconds"] = start, end
    return MILLISECONDS if is_repaired else ""
