# SPDX-License-Identifier: Apache-2.0
import json

import polars as pl
import pytest

from minewatch import __version__
from minewatch.output.destination import Destination
from minewatch.output.eve import EveWriter, event
from minewatch.output.records import records
from minewatch.testing import conversations


def test_an_event_has_the_fields_that_suricata_writes(verdict):
    frame = conversations().frame.with_columns(stratum_algorithm=pl.lit("rx/0"))
    (record,) = records(frame, [verdict()], "a.pcap")
    made = event(record)
    details = made.pop("minewatch")
    assert made == {
        "timestamp": "2020-09-13T12:26:40.000000+0000",
        "event_type": "alert",
        "src_ip": "10.0.0.1",
        "src_port": 40000,
        "dest_ip": "198.51.100.1",
        "dest_port": 443,
        "proto": "TCP",
        "community_id": record["community_id"],
        "pcap_filename": "a.pcap",
        "flow": {
            "pkts_toserver": 60,
            "pkts_toclient": 50,
            "bytes_toserver": 9000,
            "bytes_toclient": 14000,
            "start": "2020-09-13T12:26:40.000000+0000",
        },
        "alert": {
            "action": "allowed",
            "gid": 77000,
            "signature_id": 1,
            "rev": 1,
            "signature": "minewatch: cryptocurrency mining (rx/0)",
            "category": "Crypto Currency Mining Activity Detected",
            "severity": 2,
            "metadata": {"mitre_technique_id": ["T1496.001"]},
        },
    }
    assert details["version"] == __version__
    assert details["mining_probability"] == 0.9
    assert details["evidence"] == record["evidence"]


def test_what_is_mined_stands_in_the_details_and_unknown_in_no_signature(verdict):
    frame = conversations().frame.with_columns(
        algorithm=pl.lit("unknown"), algorithm_source=pl.lit("shape"), payout_coin=pl.lit("XMR")
    )
    (record,) = records(frame, [verdict()], "a.pcap")
    made = event(record)
    assert made["alert"]["signature"] == "minewatch: cryptocurrency mining"
    assert made["minewatch"]["algorithm_source"] == "shape"
    assert made["minewatch"]["payout_coin"] == "XMR"


def test_what_is_allowed_stays_an_event_of_the_lowest_severity(verdict, with_known):
    (record,) = records(with_known(conversations().frame), [verdict()], "a.pcap")
    made = event(record)
    assert made["alert"]["signature"] == "minewatch: cryptocurrency mining, allowed"
    assert made["alert"]["severity"] == 4
    assert made["minewatch"]["allowed_by"]["owner"] == "ops"
    assert made["minewatch"]["transit"]["name"] == "office VPN"
    assert made["minewatch"]["tags"] == ["lab", "transit"]


@pytest.mark.parametrize(("protocol", "name"), [(17, "UDP"), (1, "ICMP"), (47, "047")])
def test_protocols_have_suricatas_names(verdict, protocol, name):
    frame = conversations(protocol_identifier=protocol).frame
    (record,) = records(frame, [verdict()], "a.pcap")
    assert event(record)["proto"] == name


def test_only_mining_is_an_alert(tmp_path, verdict):
    path = tmp_path / "eve.json"
    with Destination(str(path)) as destination:
        writer = EveWriter(destination)
        verdicts = [verdict(), verdict(label="normal", mining_probability=0.1)]
        writer.write(conversations(2).frame, verdicts, "a.pcap")
        writer.write_gated(conversations().frame, "a.pcap")
        writer.finish()
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["event_type"] == "alert"
