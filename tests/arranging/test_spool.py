# SPDX-License-Identifier: Apache-2.0
"""Records come back whole and by biflow, from memory and from a file."""

import tracemalloc

import numpy as np
import pytest

from made_up_records import record, talk
from minewatch.arranging import spool as module
from minewatch.arranging.spool import RecordSpool
from minewatch.errors import SourceError
from minewatch.records import DENIED


def many(n=5000):
    rng = np.random.default_rng(3)
    records = np.repeat(record(), n)
    records["source_transport_port"] = rng.integers(1024, 60_000, n)
    records["packet_delta_count"] = np.arange(n)
    back = rng.random(n) < 0.5
    for part in ("address_low", "transport_port"):
        source, destination = f"source_{part}", f"destination_{part}"
        held = records[source].copy()
        records[source] = np.where(back, records[destination], held)
        records[destination] = np.where(back, held, records[destination])
    return records


def parts(records, memory_octets, block=700, folder=None):
    with RecordSpool(memory_octets, folder) as spool:
        for start in range(0, len(records), block):
            spool.add(records[start : start + block])
        return [part.copy() for part in spool.parts()]


def biflows(part):
    ends = ("source_transport_port", "destination_transport_port")
    return {tuple(sorted(row)) for row in part[list(ends)].tolist()}


def test_every_record_comes_back_once_and_biflows_stay_whole(monkeypatch):
    monkeypatch.setattr(module, "_TOGETHER", 1)
    records = many()
    found = parts(records, 1 << 30)
    assert len(found) > 10
    counts = np.concatenate([part["packet_delta_count"] for part in found])
    assert sorted(counts.tolist()) == list(range(len(records)))
    seen = [biflows(part) for part in found]
    assert sum(map(len, seen)) == len(set.union(*seen))


def test_memory_and_file_give_the_same_in_the_same_order(tmp_path):
    records = many()
    in_memory, in_file = parts(records, 1 << 30), parts(records, 1 << 17, folder=str(tmp_path))
    assert [part.tolist() for part in in_memory] == [part.tolist() for part in in_file]
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_used_when_memory_is_short(monkeypatch, tmp_path):
    made = []
    real = module.tempfile.TemporaryFile
    monkeypatch.setattr(
        module.tempfile, "TemporaryFile", lambda **at: made.append(at) or real(**at)
    )
    parts(many(), 1 << 30)
    assert made == []
    parts(many(), 1 << 17, folder=str(tmp_path))
    assert made == [{"dir": str(tmp_path)}]


def test_no_room_for_the_file_is_told_with_a_cure(tmp_path):
    with pytest.raises(SourceError, match=r"do not fit into a temporary file: .*TMPDIR"):
        parts(many(), 1 << 17, folder=str(tmp_path / "missing"))


def test_what_went_to_a_file_takes_no_memory_while_parts_are_worked_on(monkeypatch):
    monkeypatch.setattr(module, "_TOGETHER", 1)
    records = many(60_000)
    octets = records.nbytes
    tracemalloc.start()
    try:
        with RecordSpool(octets // 2 + (1 << 20)) as spool:
            for start in range(0, len(records), 4096):
                spool.add(records[start : start + 4096])
            before, _ = tracemalloc.get_traced_memory()
            part = next(spool.parts())
            after, _ = tracemalloc.get_traced_memory()
            assert 0 < part.nbytes < octets // 32
    finally:
        tracemalloc.stop()
    assert before > octets // 4
    assert after < octets // 16


def test_a_file_that_is_cut_is_told(monkeypatch):
    made = []
    real = module.tempfile.TemporaryFile
    monkeypatch.setattr(
        module.tempfile, "TemporaryFile", lambda **at: made.append(real(**at)) or made[0]
    )
    with RecordSpool(1 << 17) as spool:
        spool.add(many())
        made[0].truncate(1000)
        with pytest.raises(SourceError, match=r"5,000 records cannot be read from a temporary"):
            list(spool.parts())


def test_denied_records_are_counted_and_not_kept():
    records = talk(4)
    records["firewall_event"][::2] = DENIED
    with RecordSpool(1 << 20) as spool:
        spool.add(records)
        assert (spool.denied, spool.kept) == (4, 4)
        (part,) = spool.parts()
    assert (part["firewall_event"] == 0).all()
    assert len(part) == 4


def test_names_of_later_sources_are_shifted():
    with RecordSpool(1 << 20) as spool:
        spool.add(record(server_name=2))
        spool.add(record(server_name=2), first_name=5)
        spool.add(record(), first_name=5)
        (part,) = spool.parts()
    assert part["server_name"].tolist() == [2, 7, -1]


def test_what_is_given_stays_as_it_is():
    records = record(server_name=2)
    before = records.tobytes()
    with RecordSpool(1 << 20) as spool:
        spool.add(records, first_name=5)
        records["packet_delta_count"] = 77
        (part,) = spool.parts()
    assert part["packet_delta_count"].tolist() == [10]
    records["packet_delta_count"] = 10
    assert records.tobytes() == before


def test_nothing_gives_nothing():
    with RecordSpool(1 << 20) as spool:
        assert list(spool.parts()) == []
