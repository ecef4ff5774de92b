# SPDX-License-Identifier: Apache-2.0
import json

import polars as pl

from exported_talk import OTHER_HOME, TALK, ends, log_of, packets
from minewatch.exporting import settings as s
from minewatch.exporting.azure import AzureVnetJson

SETTINGS = s.azure_vnet(3600)
PATH = "10.0.0.5,203.0.113.7,40000,3333,6,O"


def document(*parts):
    writer = AzureVnetJson()
    text = writer.head() + b"".join(writer.rows(part) for part in parts) + writer.end()
    return json.loads(text)


def tuples(*parts):
    return [
        text
        for record in document(*parts)["records"]
        for flow in record["flowRecords"]["flows"]
        for group in flow["flowGroups"]
        for text in group["flowTuples"]
    ]


def test_a_connection_begins_and_goes_on():
    assert tuples(log_of(TALK, ends(), SETTINGS)) == [
        f"100250,{PATH},B,NX,0,0,0,0",
        f"185000,{PATH},C,NX,3,340,3,740",
    ]


def test_each_window_tells_what_came_since_the_one_before():
    talk = packets(*((t, 100, t % 20 == 0, 0x18) for t in range(0, 180, 10)))
    told = log_of(talk, ends(), s.azure_vnet(60))
    begin, *rest = tuples(told)
    assert begin == f"0,{PATH},B,NX,0,0,0,0"
    counts = [list(map(int, text.split(",")[9:])) for text in rest]
    assert len(rest) in (3, 4)  # by the phase of the interface
    assert [sum(column) for column in zip(*counts, strict=True)] == [9, 900, 9, 900]
    assert {text.split(",")[7] for text in rest} == {"C"}


def test_tcp_tells_the_end_and_the_next_connection_begins_again():
    first = packets((1, 60, True, 2), (2, 40, True, 0x11), (3, 40, False, 0x11))
    second = packets((9, 60, True, 2), conversation=2)
    both = pl.concat([ends(), ends(2)])
    assert tuples(log_of(pl.concat([first, second]), both, SETTINGS)) == [
        f"1000,{PATH},B,NX,0,0,0,0",
        f"3000,{PATH},E,NX,2,100,1,40",
        f"9000,{PATH},B,NX,0,0,0,0",
        f"9000,{PATH},C,NX,1,60,0,0",
    ]


def test_a_silent_connection_is_forgotten_and_begins_anew():
    talk = packets((0, 60, True, 2), (1, 40, True, 0x10), (500, 40, True, 0x10))
    settings = s.azure_vnet(100)
    expected = [
        f"0,{PATH},B,NX,0,0,0,0",
        f"1000,{PATH},C,NX,2,100,0,0",
        f"241000,{PATH},E,NX,0,0,0,0",
        f"500000,{PATH},B,NX,0,0,0,0",
        f"500000,{PATH},C,NX,1,40,0,0",
    ]
    told = log_of(talk, ends(), settings)
    assert sorted(tuples(told), key=lambda text: int(text.partition(",")[0])) == expected
    # And whether or not both parts are written at once.
    apart = tuples(*(told[at : at + 1] for at in range(len(told))))
    assert sorted(apart, key=lambda text: int(text.partition(",")[0])) == expected


def test_four_minutes_of_silence_to_the_millisecond_forget_nothing():
    talk = packets((0, 60, True, 2), (240, 40, True, 0x10))
    assert [text.split(",")[7] for text in tuples(log_of(talk, ends(), s.azure_vnet(100)))] == [
        "B", "C", "C",
    ]  # fmt: skip


def test_what_went_on_is_not_begun_again_by_the_next_rows():
    talk = packets((0, 60, True, 2), (100, 40, True, 0x10), (200, 40, True, 0x10))
    told = log_of(talk, ends(), s.azure_vnet(60))
    apart = tuples(*(told[at : at + 1] for at in range(len(told))))
    assert [text.split(",")[7] for text in apart] == ["B", "C", "C", "C"]


def test_a_connection_that_ends_silent_elsewhere_is_forgotten_too():
    other = packets((0, 60, True, 2), conversation=2)
    late = packets((900, 60, True, 2))
    both = pl.concat([ends(), ends(2, ports=(50000, 443))])
    told = log_of(pl.concat([other, late]), both, s.azure_vnet(60))
    apart = tuples(told[:1], told[1:])
    assert "240000,10.0.0.5,203.0.113.7,50000,443,6,O,E,NX,0,0,0,0" in apart


def test_records_are_of_an_interface_and_a_minute():
    both = ends(responder=OTHER_HOME, homes=(True, True))
    records = document(log_of(TALK, both, SETTINGS))["records"]
    assert {record["category"] for record in records} == {"FlowLogFlowEvent"}
    assert {record["flowLogVersion"] for record in records} == {4}
    assert {record["time"] for record in records} == {
        "1970-01-01T00:02:00.0000000Z",
        "1970-01-01T00:04:00.0000000Z",
    }
    ways = {}
    for record in records:
        (flow,) = record["flowRecords"]["flows"]
        (group,) = flow["flowGroups"]
        for text in group["flowTuples"]:
            ways.setdefault(record["macAddress"], set()).add((text.split(",")[6], group["rule"]))
    assert sorted(ways.values(), key=str) == [
        {("I", "UserRule_AllowInBound")},
        {("O", "DefaultRule_AllowInternetOutBound")},
    ]


def test_no_records_are_an_empty_list():
    assert document() == {"records": []}
    assert document(log_of(packets(), ends(), SETTINGS)) == {"records": []}
