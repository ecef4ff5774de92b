# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest

from minewatch.datasets.agreement import FAILURES, OUTCOMES, Agreement, decoded_names, outcomes
from minewatch.lab.dialects import DIALECTS

NAMES = {"cryptonote-p2pool": "cryptonote", "kawpow": "kawpow", "coinhive": "coinhive"}


def outcome(label, dialect=None, transport=None, evasion=None, service=None, /, **read):
    seen = {
        "payload_packet_count": 5,
        "reverse_payload_packet_count": 5,
        "stratum_dialect": None,
        "stratum_jobs": None,
        "inspection": "normal",
        **read,
    }
    types = {"stratum_dialect": pl.String, "stratum_jobs": pl.Int64}
    inspected = pl.DataFrame(
        {name: [value] for name, value in seen.items()}, schema_overrides=types
    )
    told = {"label": label, "dialect": dialect, "transport": transport, "evasion": evasion}
    told["service"] = service
    built = pl.DataFrame(
        {name: [value] for name, value in told.items()}, dict.fromkeys(told, pl.String)
    )
    return outcomes(inspected, built, NAMES).item()


MINED = {"stratum_dialect": "cryptonote", "stratum_jobs": 2, "inspection": "mining"}
TLS = {"inspection": "encrypted"}


@pytest.mark.parametrize(
    ("label", "read", "expected"),
    [
        (("mining", "cryptonote-p2pool", "tcp"), MINED, "right"),
        (("mining",), MINED, "right"),
        (("mining", "kawpow", "tcp"), MINED, "wrong"),
        (("mining", "unheard-of", "tcp"), MINED, "wrong"),
        (("mining", "kawpow", "tcp"), MINED | {"stratum_jobs": 0}, "too short"),
        (("mining", "kawpow", "tcp"), {}, "missed"),
        (("mining", "kawpow", "tcp"), TLS, "missed"),
        (("mining", "kawpow", "tcp"), {"reverse_payload_packet_count": 0}, "too short"),
        (("mining", "kawpow", "tls1.3"), TLS, "hidden"),
        (("mining", "kawpow", "tls1.3"), {}, "hidden"),
        (("mining", "cryptonote-p2pool", "tls1.2"), MINED, "wrong"),
        (("mining", "kawpow", "tcp", "port+ssh"), {}, "hidden"),
        (("mining", "kawpow", None), TLS, "hidden"),
        (("mining", "stratum-v2", "tcp", "socks5"), {}, "hidden"),
        (("mining", "stratum-v2", "tcp", "port"), {}, "missed"),
        (("mining", None, None), {}, "missed"),
        (("mining", "coinhive", "tcp"), {"payload_packet_count": 1}, "too short"),
        (("mining", "coinhive", "tcp"), {"payload_packet_count": 2}, "missed"),
        (("mining", "kawpow", "tcp", "socks5"), {"payload_packet_count": 2}, "too short"),
        (("mining", "kawpow", "tcp", "socks5"), {"payload_packet_count": 3}, "missed"),
        (("normal",), {}, "right"),
        (("normal",), TLS, "right"),
        (("normal",), {"inspection": "unclear", "stratum_dialect": "getwork"}, "right"),
        (("normal",), MINED, "called mining"),
        (("skip",), MINED, "skipped"),
        (("skip", None, None, None, "icmp"), {}, "skipped"),
        (("skip", None, None, None, "unknown"), {}, "not labelled"),
        ((None,), {}, "not labelled"),
    ],
)
def test_outcomes(label, read, expected):
    assert outcome(*label, **read) == expected
    assert expected in OUTCOMES


def test_names_are_those_of_the_lab():
    names = decoded_names()
    assert names.keys() == DIALECTS.keys()
    from minewatch.decoders import StratumDecoder

    (column,) = (c for c in StratumDecoder.columns if c.name == "stratum_dialect")
    for name in names.values():
        assert name in column.description


def added(*rows):
    agreement = Agreement()
    names = ("label", "dialect", "transport", "service", "outcome")
    for row in rows:
        agreement.add(pl.DataFrame([row], dict.fromkeys(names, pl.String), orient="row"))
    return agreement


def test_sums_and_tables():
    agreement = added(
        ("mining", "kawpow", "tcp", "mining", "right"),
        ("mining", "kawpow", "tcp", "mining", "right"),
        ("mining", "kawpow", "tls1.3", "mining", "hidden"),
        ("mining", "zcash", "tcp", "mining", "missed"),
        ("normal", None, "tcp", "redis", "right"),
        ("normal", None, None, "redis", "called mining"),
        (None, None, None, None, "not labelled"),
        ("skip", None, None, None, "skipped"),
    )
    assert (agreement.conversations, agreement.failures) == (8, 3)
    assert list(agreement.lines()) == [
        "mining: dialect  transport  all  right  hidden  too short  wrong  missed",
        "kawpow           tcp          2      2       0          0      0       0",
        "kawpow           tls1.3       1      0       1          0      0       0",
        "zcash            tcp          1      0       0          0      0       1",
        "",
        "normal: service  all  called mining",
        "redis              2              1",
        "",
        "1 not labelled: no rule of the labels file matches, or only that for what is unknown",
        "1 skipped: the labels file says skip",
        "inspection and labels do not agree: 3 of 8 conversations differ",
    ]
    assert agreement.as_mapping() == {
        "-": {"not labelled": 1},
        "mining": {"hidden": 1, "missed": 1, "right": 2},
        "normal": {"called mining": 1, "right": 1},
        "skip": {"skipped": 1},
    }


def test_agreement_of_nothing_and_of_what_is_right():
    assert list(Agreement().lines()) == ["inspection and labels agree: 0 of 0 conversations differ"]
    for outcome, text in OUTCOMES.items():
        assert text
        assert added(("mining", None, None, None, outcome)).failures == (outcome in FAILURES)
