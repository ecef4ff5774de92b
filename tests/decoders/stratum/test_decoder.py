# SPDX-License-Identifier: Apache-2.0
"""Whole conversations: every dialect, cut and shuffled in every way, and what is no mining."""

import json
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minewatch.contracts import Decoder
from minewatch.decoders.stratum import StratumDecoder
from minewatch.decoders.stratum.dialogue import METHODS
from minewatch.types import Payload

DECODER = StratumDecoder()
DIALECTS = (
    "cryptonote bitcoin zcash kawpow ethereumstratum1 ethereumstratum2 eth-stratum eth-proxy "
    "eth-getwork getwork getblocktemplate coinhive"
).split()
EXPECTED = {  # requests, jobs, submits, accepted, refused
    "cryptonote": (3, 2, 1, 1, 0),
    "bitcoin": (5, 1, 2, 1, 1),
    "zcash": (3, 1, 1, 1, 0),
    "kawpow": (3, 1, 1, 1, 0),
    "ethereumstratum1": (3, 1, 1, 1, 0),
    "ethereumstratum2": (4, 1, 1, 1, 0),
    "eth-stratum": (3, 1, 1, 1, 0),
    "eth-proxy": (4, 2, 1, 1, 0),
    "eth-getwork": (2, 1, 1, 1, 0),
    "getwork": (2, 1, 1, 1, 0),
    "getblocktemplate": (1, 1, 0, 0, 0),
    "coinhive": (2, 1, 1, 1, 0),
}
COUNTS = ("requests", "jobs", "submits", "results_ok", "results_error")

dialects = pytest.mark.parametrize("dialect", DIALECTS)


def without_time(row):
    return row and {name: value for name, value in row.items() if name != "stratum_first_seen_ns"}


def test_it_is_a_decoder(build):
    assert isinstance(DECODER, Decoder)
    assert set(build.sessions) == set(DIALECTS)


@dialects
def test_a_session(build, dialect):
    row = DECODER.decode(build.talk(*build.sessions[dialect]))
    assert list(row) == [column.name for column in DECODER.columns]
    assert (row["stratum_dialect"], row["stratum_state"]) == (dialect, "session")
    assert tuple(row[f"stratum_{name}"] for name in COUNTS) == EXPECTED[dialect]
    assert row["stratum_is_miner_initiator"] is True


@dialects
def test_reversed_roles(build, dialect):
    whole = DECODER.decode(build.talk(*build.sessions[dialect]))
    row = DECODER.decode(build.talk(*build.sessions[dialect], flip=True))
    assert row == {**whole, "stratum_is_miner_initiator": False}


@dialects
def test_split_at_every_octet(build, dialect):
    turns = build.sessions[dialect]
    whole = without_time(DECODER.decode(build.talk(*turns)))
    length = sum(len(build.octets(said)) for _, said in turns)
    for cut in range(1, length):
        row = DECODER.decode(build.talk(*turns, cuts=frozenset({cut})))
        assert without_time(row) == whole, cut


@pytest.mark.parametrize("dialect", [*DIALECTS[:8], "coinhive"])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), mss=st.integers(20, 1448))
def test_small_segments_repeated_and_out_of_order(build, dialect, seed, mss):
    turns = build.sessions[dialect]
    chance = random.Random(seed)
    payload = build.talk(*turns, mss=mss)
    shuffled = list(payload.segments)
    for i in range(1, len(shuffled) - 1):
        if chance.random() < 0.3 and shuffled[i].from_initiator == shuffled[i + 1].from_initiator:
            shuffled[i], shuffled[i + 1] = shuffled[i + 1], shuffled[i]
        if chance.random() < 0.3:
            shuffled.insert(i + 1, shuffled[chance.randrange(i)])
    row = DECODER.decode(Payload(6, shuffled))
    expected = DECODER.decode(build.talk(*turns))
    assert (row["stratum_dialect"], row["stratum_state"]) == (dialect, "session")
    assert row["stratum_jobs"] == expected["stratum_jobs"]
    assert row["stratum_submits"] == expected["stratum_submits"]


@pytest.mark.parametrize("dialect", DIALECTS[:8])
def test_several_messages_in_one_segment(build, dialect):
    turns = build.sessions[dialect]
    said = [
        b"".join(build.octets(said) for side, said in turns if side == wanted) for wanted in "><"
    ]
    row = DECODER.decode(build.talk((">", said[0]), ("<", said[1])))
    assert (row["stratum_dialect"], row["stratum_state"]) == (dialect, "session")


@pytest.mark.parametrize("dialect", DIALECTS[:8])
def test_a_capture_that_begins_late(build, dialect):
    turns = build.sessions[dialect]
    for begin in range(1, len(turns) - 1):
        rest = turns[begin:]
        row = DECODER.decode(build.talk(*rest))
        if row is not None:
            assert row["stratum_is_miner_initiator"] is True
        if any("notify" in str(said) or "'job'" in str(said) for side, said in rest if side == "<"):
            assert row is not None, begin


@dialects
def test_one_direction(build, dialect):
    turns = build.sessions[dialect]
    row = DECODER.decode(build.talk(*[turn for turn in turns if turn[0] == ">"]))
    assert row["stratum_state"] in {"attempt", "session", "poll"}
    assert row["stratum_dialect"] in {dialect, "bitcoin", "kawpow"}


@pytest.mark.parametrize("dialect", ["cryptonote", "bitcoin"])
@pytest.mark.parametrize("snap", [128, 200, 400])
def test_cut_packets(build, dialect, snap):
    row = DECODER.decode(build.talk(*build.sessions[dialect], snap=snap))
    assert (row["stratum_dialect"], row["stratum_state"]) == (dialect, "session")
    assert row["stratum_jobs"] >= 1


def test_a_hole(build):
    whole = build.talk(*build.sessions["cryptonote"], mss=200)
    for missing in range(len(whole.segments)):
        rest = [segment for i, segment in enumerate(whole.segments) if i != missing]
        row = DECODER.decode(Payload(6, rest))
        assert (row["stratum_dialect"], row["stratum_state"]) == ("cryptonote", "session")


def test_behind_a_proxy(build):
    session = build.sessions["cryptonote"]
    socks = [
        (">", b"\x05\x01\x00"),
        ("<", b"\x05\x00"),
        (">", b"\x05\x01\x00\x01\x0a\x63\x01\x01\x0d\x05"),
    ]
    socks += [("<", b"\x05\x00\x00\x01\x0a\x63\x01\x01\x0d\x05")]
    connect = [
        (">", "CONNECT a:3333 HTTP/1.1\r\n\r\n"),
        ("<", "HTTP/1.1 200 Connection established\r\n\r\n"),
    ]
    for greeting in (socks, connect):
        row = DECODER.decode(build.talk(*greeting, *session))
        assert (row["stratum_state"], row["stratum_jobs"]) == ("session", 2)


def rpc_lines(*pairs):
    return [(side, {"jsonrpc": "2.0", **value}) for side, value in pairs]


H = "ab" * 32
ELECTRUM = rpc_lines(
    (">", {"id": 1, "method": "server.version", "params": ["electrum/4.5.5", "1.4"]}),
    ("<", {"id": 1, "result": ["ElectrumX 1.16", "1.4"]}),
    (">", {"id": 2, "method": "blockchain.headers.subscribe", "params": []}),
    ("<", {"id": 2, "result": {"height": 840_000, "hex": "00" * 80}}),
    ("<", {"method": "blockchain.headers.subscribe", "params": [{"height": 1, "hex": "00" * 80}]}),
    (">", {"id": 3, "method": "blockchain.scripthash.subscribe", "params": [H]}),
    ("<", {"id": 3, "result": H}),
    (">", {"id": 4, "method": "blockchain.transaction.get_merkle", "params": [H, 7]}),
    ("<", {"id": 4, "result": {"merkle": [H, H, H], "pos": 7}}),
)
JOB_QUEUE = [
    ("<", {"type": "heartbeat", "ts": 1795547393.48}),
    (
        "<",
        {
            "jsonrpc": "2.0",
            "method": "job",
            "params": {"job_id": "17", "image": "resize", "nonce": "ab"},
        },
    ),
    (">", {"jsonrpc": "2.0", "id": 1, "method": "job.result", "params": ["2e" * 40, 0.795]}),
    ("<", {"jsonrpc": "2.0", "id": 1, "result": {"status": "OK"}}),
    (
        ">",
        {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "submit",
            "params": {"job_id": "17", "result": "done"},
        },
    ),
    ("<", {"jsonrpc": "2.0", "id": 2, "result": {"status": "OK"}}),
]
GAME = [
    (
        ">",
        {
            "id": 1,
            "method": "login",
            "params": {"login": "bob", "pass": "x", "agent": "Mozilla/5.0"},
        },
    ),
    ("<", {"id": 1, "result": {"status": "OK", "job": {"id": 3, "name": "smith"}}}),
]
LSP = [
    (">", {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}),
    ("<", {"jsonrpc": "2.0", "id": 1, "result": {"capabilities": {"hoverProvider": True}}}),
    (
        ">",
        {
            "jsonrpc": "2.0",
            "method": "textDocument/didOpen",
            "params": {"text": '"mining.notify" "job_id"'},
        },
    ),
]
ETHEREUM_NODE = rpc_lines(
    (">", {"id": 1, "method": "eth_blockNumber", "params": []}),
    ("<", {"id": 1, "result": "0xc5d488"}),
    (">", {"id": 2, "method": "eth_newBlockFilter", "params": []}),
    ("<", {"id": 2, "result": "0x1"}),
    (">", {"id": 3, "method": "eth_getFilterChanges", "params": ["0x1"]}),
    ("<", {"id": 3, "result": ["0x" + H, "0x" + H, "0x00000000" + "ab" * 28]}),
    (
        "<",
        {
            "method": "eth_subscription",
            "params": {"subscription": "0x9c", "result": {"hash": "0x" + H}},
        },
    ),
)
GENERIC = [
    (">", {"id": 1, "method": "log.search", "params": ["mining.notify", "job_id"]}),
    ("<", {"id": 1, "result": [{"text": 'saw {"method":"mining.notify","params":[]}'}]}),
    ("<", {"id": None, "method": "mining.notify", "params": {"site": "quarry 7", "at": "noon"}}),
    (">", {"id": 2, "method": "mining.submit", "params": {"report": "job_id"}}),
]  # fmt: skip
NEGATIVES = {
    "electrum": ELECTRUM,
    "job queue": JOB_QUEUE,
    "game": GAME,
    "language server": LSP,
    "ethereum node": ETHEREUM_NODE,
    "json-rpc": GENERIC,
}


@pytest.mark.parametrize("name", NEGATIVES)
def test_other_json_is_not_mining(build, name):
    for flip in (False, True):
        assert DECODER.decode(build.talk(*NEGATIVES[name], flip=flip)) is None
        for begin in range(len(NEGATIVES[name])):
            assert DECODER.decode(build.talk(*NEGATIVES[name][begin:], flip=flip)) is None


def test_wallets_and_explorers_of_a_node_are_not_mining(build):
    calls = ["getblockchaininfo", "getmininginfo", "getnetworkhashps", "listunspent", "getblock"]
    turns = []
    for n, call in enumerate(calls):
        turns += [
            (">", build.post(build.rpc(n, call, []), agent="curl/8")),
            (
                "<",
                build.reply(
                    build.result(n, {"blocks": 7, "bits": "1d00ffff", "previousblockhash": H})
                ),
            ),
        ]
    assert DECODER.decode(build.talk(*turns)) is None
    assert (
        DECODER.decode(
            build.talk((">", build.post([build.rpc(n, c, []) for n, c in enumerate(calls)])))
        )
        is None
    )


def recording(build):
    return b"".join(
        build.octets(said) for _, said in build.sessions["cryptonote"] + build.sessions["bitcoin"]
    )


def test_rows_of_a_database_that_hold_stratum_are_not_mining(build):
    rows = [
        b"D"
        + (len(line) + 10).to_bytes(4, "big")
        + b"\x00\x01"
        + len(line).to_bytes(4, "big")
        + line
        for line in recording(build).splitlines(keepends=True)
    ]
    assert (
        DECODER.decode(
            build.talk((">", b"Q\x00\x00\x00\x10SELECT 1;\x00"), *[("<", row) for row in rows])
        )
        is None
    )
    assert DECODER.decode(build.talk(("<", b"".join(rows)))) is None


def test_pages_files_and_logs_that_quote_stratum_are_not_mining(build):
    text = recording(build)
    get = (">", b"GET /log HTTP/1.1\r\nHost: a\r\n\r\n")
    page = b"<html><pre>" + text + b"</pre></html>"
    for body in (page, text, json.dumps({"log": text.decode()}).encode()):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        assert DECODER.decode(build.talk(get, ("<", head + body))) is None
    logged = b"".join(b"2024-01-01 12:00 " + line for line in text.splitlines(keepends=True))
    assert DECODER.decode(build.talk((">", logged))) is None
    assert DECODER.decode(build.talk((">", text))) is None
    redis = b"".join(b"$%d\r\n%s\r\n" % (len(line), line) for line in text.splitlines())
    assert DECODER.decode(build.talk(("<", redis))) is None


def test_other_transports_and_no_payload(build):
    talk = build.talk(*build.sessions["bitcoin"])
    assert DECODER.decode(Payload(17, talk.segments)) is None
    assert DECODER.decode(Payload(6, [])) is None
    assert DECODER.decode(build.talk((">", b"\x16\x03\x01\x02\x00"))) is None


# Hypothesis also tries the texts that it finds in the sources, whole messages among them.
NOISE = st.binary(max_size=200).filter(lambda octets: b'"method"' not in octets)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("<>"), NOISE), max_size=10))
def test_noise_never_raises(build, turns):
    seen = DECODER.decode(build.talk(*turns))
    # Hypothesis also tries literals of our own source, and those of the lab are requests.
    assert seen is None or b'"method"' in b"".join(octets for _, octets in turns)


@settings(max_examples=300, deadline=None)
@given(
    dialect=st.sampled_from(DIALECTS),
    changes=st.lists(
        st.tuples(st.integers(0, 4000), st.binary(min_size=1, max_size=6)), max_size=6
    ),
    snap=st.integers(0, 300),
)
def test_changed_sessions_never_raise(build, dialect, changes, snap):
    turns = []
    for side, said in build.sessions[dialect]:
        data = bytearray(build.octets(said))
        for place, noise in changes:
            data[place % len(data) : place % len(data) + len(noise)] = noise
        turns.append((side, bytes(data)))
    row = DECODER.decode(build.talk(*turns, snap=snap))
    if row is not None:
        assert list(row) == [column.name for column in DECODER.columns]
        assert all(str(value).isprintable() for value in row.values())


MEMBERS = "id job blob login pass job_id target nonce result proto agent algo data".split()
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70)
    | st.sampled_from([H, "0x" + H, "5b64647c", "a", 7]),
    lambda inner: st.lists(inner, max_size=9)
    | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    method=st.sampled_from(sorted(METHODS)),
    params=values,
    answer=values,
    identifier=values,
)  # fmt: skip
def test_any_parameters_never_raise(build, method, params, answer, identifier):
    asked = build.rpc(identifier, method, params)
    answered = build.result(identifier, answer)
    DECODER.decode(build.talk((">", asked), ("<", answered), ("<", asked)))
    DECODER.decode(build.talk((">", build.post(asked)), ("<", build.reply(answered))))


def test_hostile_conversations_take_little_time(build):
    hint = b'{"method":"mining.notify","params":['
    for filler in (
        b"[" * 12_000,
        b'{"a":' * 2_400,
        b"}{" * 6_000,
        b'{"id":1}' * 1_500,
        b'"' * 12_000,
        b"[{" * 6_000,
    ):
        started = time.perf_counter()
        DECODER.decode(build.talk((">", hint + filler), ("<", hint + filler)))
        DECODER.decode(
            build.talk((">", b"POST / HTTP/1.1\r\nContent-Length: 12000\r\n\r\n" + hint + filler))
        )
        assert time.perf_counter() - started < 1
