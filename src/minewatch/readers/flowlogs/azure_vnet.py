# SPDX-License-Identifier: Apache-2.0
"""Flow logs of Azure's virtual networks, version 4.

The format is that of Microsoft's "Virtual network flow logs"; of its tuples see ``azure_tuples``.
Whether a flow was encrypted is not kept. The same interface may be logged for its network, its
subnet and itself: each of these logs is an observer of its own.
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

CATEGORY: Final = "FlowLogFlowEvent"
_FIELDS: Final = 13


class FlowGroup(msgspec.Struct, gc=False, rename={"flow_tuples": "flowTuples"}):
    """Tuples of one rule."""

    flow_tuples: list[str] = msgspec.field(default_factory=list)


class AclFlows(msgspec.Struct, gc=False, rename={"flow_groups": "flowGroups"}):
    """Tuples of one list of rules."""

    flow_groups: list[FlowGroup] = msgspec.field(default_factory=list)


class FlowRecords(msgspec.Struct, gc=False):
    """Tuples of a minute."""

    flows: list[AclFlows] = msgspec.field(default_factory=list)


class VnetRecord(
    msgspec.Struct,
    gc=False,
    rename={
        "mac_address": "macAddress",
        "flow_log_resource_id": "flowLogResourceID",
        "target_resource_id": "targetResourceID",
        "flow_records": "flowRecords",
    },
):
    """One record."""

    category: str | None = None
    mac_address: str = ""
    flow_log_resource_id: str = ""
    target_resource_id: str = ""
    flow_records: FlowRecords | None = None


_RECORDS: Final = msgspec.json.Decoder(VnetRecord)


class AzureVnetFormat:
    """Flow logs of virtual networks; of several, each goes on where the one before it ended.

    Examples
    --------
    >>> AzureVnetFormat().recognises(b'{"records":[{"category":"FlowLogFlowEvent"')
    True
    """

    name = "azure-vnet"
    title = "Azure VNet flow logs"

    def __init__(self) -> None:
        self._open_flows = OpenFlows()

    def recognises(self, head: bytes) -> bool:
        """Return whether an input that begins so is a flow log of virtual networks.

        Parameters
        ----------
        head : the first octets of the unpacked input.
        """
        return begins_like_json(head) and (
            b'"FlowLogFlowEvent"' in head or b'"flowRecords"' in head
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
        return VnetSource(name, stream, _RECORDS, 10**6, self._open_flows, strict=strict)


class VnetSource(AzureSource[VnetRecord]):
    """One log."""

    def category(self, record: VnetRecord) -> str | None:
        """Return the category of a record that is not of flows.

        Parameters
        ----------
        record : decoded.

        Raises
        ------
        RowError : it has no flowRecords.
        """
        if record.category not in (None, CATEGORY):
            return record.category
        if record.flow_records is None:
            raise RowError("flowRecords are missing", "a record of a VNet flow log has them")
        return None

    def groups(self, record: VnetRecord) -> Iterator[tuple[int, list[str]]]:
        """Yield the tuples of a record, each list with the number of the interface.

        Parameters
        ----------
        record : decoded.
        """
        observer = observation_point(
            record.mac_address, record.target_resource_id or record.flow_log_resource_id
        )
        for rules in record.flow_records.flows if record.flow_records else ():
            for group in rules.flow_groups:
                yield observer, group.flow_tuples

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
        >>> source = VnetSource("a", io.BytesIO(), _RECORDS, 10**6, OpenFlows(), strict=True)
        >>> source.parse("1663146003606,10.0.0.6,192.0.2.1,23956,443,6,O,E,NX,3,767,2,1580").counts
        ['3', '767', '2', '1580']
        """
        fields = text.split(",", _FIELDS)
        if len(fields) != _FIELDS:
            cure = f"version 4 has {_FIELDS}; found {shown(text)}"
            raise RowError("a tuple of another number of fields", cure)
        state = fields[7] or "none"
        return FlowTuple(fields[0], fields[1:6], fields[6], state, fields[9:])
