# SPDX-License-Identifier: Apache-2.0
import polars as pl

from minewatch.datasets.composition import MAX_VALUES, REST, composition, known_biases


def table(*rows, **columns):
    names = ("label", "host", "remote", "dialect", "service")
    frame = pl.DataFrame(rows, dict.fromkeys(names, pl.String), orient="row")
    texts = {
        "source": "lab",
        "capture": "a",
        "transport": "tcp",
        "evasion": None,
        "coin": "XMR",
        "algorithm": None,
        "inspection": "normal",
    }
    # Mining alone goes to its port.
    port = pl.when(pl.col("label") == "mining").then(3333).otherwise(443)
    frame = frame.with_columns(destination_transport_port=port.cast(pl.UInt16))
    return frame.lazy().with_columns(
        **{name: pl.lit(text, pl.String) for name, text in texts.items()}, **columns
    )


MINING = [("mining", "h1", "p1", "kawpow", "mining"), ("mining", "h1", "p2", "zcash", "mining")]
NORMAL = [("normal", "h2", "web:80", None, "nginx"), ("normal", "h2", "x:1", None, None)]


def test_what_is_counted():
    parts = composition(table(*MINING, *NORMAL))
    assert parts["label"] == {"mining": 2, "normal": 2}
    assert parts["dialect"] == {"kawpow": 1, "zcash": 1}
    assert parts["service"] == {"nginx": 1, "not told": 1}
    assert parts["inspection"] == {"mining: normal": 2, "normal: normal": 2}
    assert parts["groups"] == {
        "captures": 1,
        "hosts": 2,
        "hosts that mine": 1,
        "hosts that do nothing else": 1,
        "pools": 2,
        "normal services": 2,
        "mining to ports that nothing normal uses": 2,
    }


def test_too_many_values_are_summed_up():
    rows = [("normal", "h", "r", None, f"s{n:04}") for n in range(MAX_VALUES + 50)]
    services = composition(table(*rows, *rows[:3]))["service"]
    assert len(services) == MAX_VALUES + 1
    assert services["s0000"] == 2
    assert services[REST] == 50


def test_biases_are_found():
    text = " ".join(known_biases(composition(table(*MINING, *NORMAL))))
    assert "one source" in text
    assert "Mining is 50.000% of the conversations" in text
    assert "On 1 of 2 hosts everything is mining" in text
    assert "nearly all of one transport, tcp" in text
    assert "100% of the conversations that mine go to ports that nothing normal uses" in text
    assert "dialect" not in text


def test_no_bias_is_claimed_that_is_not_there():
    rows = [*MINING, *NORMAL, ("normal", "h1", "web:80", None, "nginx")]
    mixed = table(*rows).with_columns(
        source=pl.concat_str(pl.lit("s"), "host"),
        transport=pl.col("remote"),
        destination_transport_port=pl.lit(443, pl.UInt16),
    )
    assert [line[:9] for line in known_biases(composition(mixed))] == ["Mining is"]
