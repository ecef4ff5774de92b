# SPDX-License-Identifier: Apache-2.0
"""Flow logs of Azure's network security groups, versions 1 and 2.

The format is that of Microsoft's "Flow logging for network security groups". Version 1 keeps
neither state nor counts; of version 2 see ``azure_tuples``. Of several groups that let a packet
through only the last one logs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec

from minewatch.contracts import FlowSource
from minewatch.readers.flowlogs.azure_source import AzureSource
from minewatch.readers.flowlogs.azure_tuples import FlowTuple, OpenFlows
from minewatch.readers.flowlogs.json_documents import begins_like_json
from minewatch.readers.flowlogs.json_values import RowError, shown
from minewatch.readers.flowlogs.observers import observation_point

CATEGORY: Final = "NetworkSecurityGroupFlowEvent"
_FIELDS_1: Final = 8
_FIELDS_2: Final = 13
_PROTOCOLS: Final = {"T": "tcp", "U": "udp"}


class MacFlows(msgspec.Struct, gc=False, rename={"flow_tuples": "flowTuples"}):
    """Tuples of one interface."""

    mac: str = ""
    flow_tuples: list[str] = msgspec.field(default_factory=list)


class RuleFlows(msgspec.Struct, gc=False):
    """Tuples of one rule."""

    flows: list[MacFlows] = msgspec.field(default_factory=list)


class Properties(msgspec.Struct, gc=False):
    """Tuples of a minute."""

    flows: list[RuleFlows] = msgspec.field(default_factory=list)


class NsgRecord(msgspec.Struct, gc=False, rename={"resource_id": "resourceId"}):
    """One record."""

    category: str | None = None
    resource_id: str = ""
    properties: Properties | None = None


_RECORDS: Final = msgspec.json.Decoder(NsgRecord)


class AzureNsgFormat:
    """Flow logs of network security groups; each goes on where the one before it ended.

    Examples
    --------
    >>> AzureNsgFormat().recognises(b'{"records":[{"category":"NetworkSecurityGroupFlowEvent"')
    True
    """

    name = "azure-nsg"
    title = "Azure NSG flow logs"

    def __init__(self) -> None:
        self._open_flows = OpenFlows()

    def recognises(self, head: bytes) -> bool:
        """Return whether an input that begins so is a flow log of security groups.

        Parameters
        ----------
        head : the first octets of the unpacked input.
        """
        return begins_like_json(head) and (
            b'"NetworkSecurityGroupFlowEvent"' in head
            or (b'"flowTuples"' in head and b'"mac"' in head)
        )

    def open(self, name: str, path: str, stream: BinaryIO, *, strict: bool) -> FlowSource:
        """Return a source that reads the log.

        Parameters
        ----------
        name : what the user called the input.
        path : where it lies; not used.
        stream : unpacked.
        strict : the first fault raises SourceError.
        """
        return NsgSource(name, stream, _RECORDS, 10**9, self._open_flows, strict=strict)


class NsgSource(AzureSource[NsgRecord]):
    """One log."""

    def category(self, record: NsgRecord) -> str | None:
        """Return the category of a record that is not of flows.

        Parameters
        ----------
        record : decoded.

        Raises
        ------
        RowError : it has no properties.
        """
        if record.category not in (None, CATEGORY):
            return record.category
        if record.properties is None:
            raise RowError("properties are missing", "a record of an NSG flow log has them")
        return None

    def groups(self, record: NsgRecord) -> Iterator[tuple[int, list[str]]]:
        """Yield the tuples of a record, each list with the number of the interface.

        Parameters
        ----------
        record : decoded.
        """
        for rule in record.properties.flows if record.properties else ():
            for flows in rule.flows:
                yield observation_point(flows.mac, record.resource_id), flows.flow_tuples

    def parse(self, text: str) -> FlowTuple:
        """Return the fields of a tuple.

        Parameters
        ----------
        text : of the tuple.

        Raises
        ------
        RowError : it has another number of fields.

        Examples
        --------
        >>> import io
        >>> source = NsgSource("a", io.BytesIO(), _RECORDS, 10**9, OpenFlows(), strict=True)
        >>> source.parse("1487282421,192.0.2.95,10.1.0.4,51529,5358,T,I,D")
        FlowTuple(time='1487282421', flow=['192.0.2.95', '10.1.0.4', '51529', '5358', 'tcp'],
            direction='I', state='D', counts=[])
        """
        fields = text.split(",", _FIELDS_2)
        if len(fields) not in (_FIELDS_1, _FIELDS_2):
            cure = f"version 1 has {_FIELDS_1}, version 2 has {_FIELDS_2}; found {shown(text)}"
            raise RowError("a tuple of another number of fields", cure)
        if fields[7] not in ("A", "D"):
            raise RowError("decision is not known", f"A or D; found {shown(fields[7])}")
        fields[5] = _PROTOCOLS.get(fields[5], fields[5])
        state = "D" if fields[7] == "D" else "".join(fields[8:9])
        return FlowTuple(fields[0], fields[1:6], fields[6], state, fields[9:])
