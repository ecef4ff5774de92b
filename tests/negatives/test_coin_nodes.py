# SPDX-License-Identifier: Apache-2.0
"""Peers of coin networks and their wallets: they follow the same blocks as miners, and mine not."""

import json

import pytest

from minewatch.training.corpus.views import InputKind
from negative_check import (
    VIEWS,
    assert_stays_normal,
    beats,
    chances,
    ordered,
    simulated,
    spoken,
)


def bitcoin_message(command, payload):
    """Return a message of the Bitcoin peer-to-peer protocol, its checksum left random."""
    head = b"\xf9\xbe\xb4\xd9" + command.ljust(12, b"\x00")
    return head + len(payload).to_bytes(4, "little") + b"\x5d\xf6\xe0\xe2" + payload


def bitcoin_peer(rng, length):
    """Version, then inventories of transactions, pings every two minutes, compact blocks."""
    said = [
        (0.2, False, bitcoin_message(b"version", rng.bytes(102))),
        (0.3, True, bitcoin_message(b"version", rng.bytes(102))),
        (0.31, True, bitcoin_message(b"verack", b"")),
        (0.4, False, bitcoin_message(b"verack", b"")),
    ]
    for way, shift in ((False, 0.0), (True, 40.0)):
        for at in beats(rng, length, 120.0, 0.1):
            nonce = rng.bytes(8)
            said.append((at + shift, way, bitcoin_message(b"ping", nonce)))
            said.append((at + shift + 0.08, not way, bitcoin_message(b"pong", nonce)))
    for way in (False, True):
        for at in chances(rng, length, float(rng.uniform(3, 12))):
            n = int(rng.geometric(0.15))
            said.append((at, way, bitcoin_message(b"inv", b"%c" % n + rng.bytes(36 * n))))
    for at in chances(rng, length, 600.0):
        size = int(rng.integers(9_000, 25_000))
        said.append((at, bool(rng.random() < 0.5), bitcoin_message(b"cmpctblock", rng.bytes(size))))
    return ordered(said)


def blocks_only_peer(rng, length):
    """A blocks-only peer: pings, headers at each block, hardly anything else."""
    said = bitcoin_peer(rng, 1.5)
    for at in beats(rng, length, 120.0, 0.1):
        nonce = rng.bytes(8)
        said.append((at, True, bitcoin_message(b"ping", nonce)))
        said.append((at + 0.06, False, bitcoin_message(b"pong", nonce)))
    for at in chances(rng, length, 600.0):
        said.append((at, True, bitcoin_message(b"headers", b"\x01" + rng.bytes(81))))
    return ordered(said)


@pytest.mark.parametrize("speak", [bitcoin_peer, blocks_only_peer])
def test_bitcoin_peer_to_peer_node_stays_normal(speak, tmp_path):
    assert_stays_normal(tmp_path, spoken(speak, 8333, n=12))


def ethereum_peer(rng, length):
    """DevP2P over RLPx: ciphertext; announcements all the time, a block every 12 s, pings."""
    said = [
        (0.2, False, rng.bytes(434)),
        (0.35, True, rng.bytes(404)),
        (0.5, False, rng.bytes(208)),
    ]
    for at in beats(rng, length, 15.0, 0.05):
        said += [(at, False, rng.bytes(48)), (at + 0.07, True, rng.bytes(48))]
    for way in (False, True):
        for at in chances(rng, length, float(rng.uniform(1, 4))):
            said.append((at, way, rng.bytes(64 + 48 * int(rng.geometric(0.1)))))
    for at in beats(rng, length, 12.0, 1.5):
        said.append((at, bool(rng.random() < 0.5), rng.bytes(int(rng.integers(96, 160)))))
    return ordered(said)


def test_ethereum_peer_to_peer_node_stays_normal(tmp_path):
    assert_stays_normal(tmp_path, spoken(ethereum_peer, 30303, n=10))


def levin(command, body, is_request):
    """Return a message of Monero's Levin protocol: a head of 33 octets, and what it carries."""
    head = b"\x01\x21\x01\x01\x01\x01\x01\x01" + len(body).to_bytes(8, "little")
    head += b"%c" % is_request + command.to_bytes(4, "little") + bytes(4)
    return head + (1 if is_request else 2).to_bytes(4, "little") + (1).to_bytes(4, "little") + body


def monero_peer(rng, length):
    """A timed sync a minute, transactions, and a fluffy block whenever the chain has one."""
    said = [
        (0.2, False, levin(1001, rng.bytes(228), True)),
        (0.35, True, levin(1001, rng.bytes(9_800), False)),
    ]
    for way, shift in ((False, 0.0), (True, 25.0)):
        for at in beats(rng, length, 60.0, 0.3):
            said.append((at + shift, way, levin(1002, rng.bytes(135), True)))
            answer = levin(1002, rng.bytes(int(rng.choice([137, 9_400]))), False)
            said.append((at + shift + 0.1, not way, answer))
    for at in chances(rng, length, 120.0):
        block = levin(2008, rng.bytes(int(rng.integers(900, 5_000))), False)
        said.append((at, bool(rng.random() < 0.7), block))
    for at in chances(rng, length, float(rng.uniform(8, 25))):
        body = rng.bytes(int(rng.integers(1_500, 4_800)))
        said.append((at, bool(rng.random() < 0.5), levin(2002, body, False)))
    return ordered(said)


def test_monero_peer_to_peer_node_stays_normal(tmp_path):
    assert_stays_normal(tmp_path, spoken(monero_peer, 18080, n=12))


@pytest.mark.parametrize("service", ["electrum", "electrum-out"])
def test_electrum_service_stays_normal(service, tmp_path):
    assert_stays_normal(tmp_path, simulated(service, n=24, hours=8.0, seed=9), least=16)


def http(line, body, *heads):
    """Return an HTTP message with a JSON body."""
    text = json.dumps(body, separators=(",", ":")).encode()
    head = b"\r\n".join((line, b"Content-Type: application/json", *heads))
    return head + b"\r\nContent-Length: %d\r\n\r\n" % len(text) + text


def rpc_poll(rng, length, period, calls):
    """Return JSON-RPC calls over one HTTP connection, each answered."""
    said, number = [], 0
    for at in beats(rng, length, period, period / 50):
        for method, params, result in calls:
            number += 1
            ask = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            tell = {"jsonrpc": "2.0", "id": number, "result": result(rng)}
            said.append((at, False, http(b"POST / HTTP/1.1", ask, b"Host: node.example")))
            said.append((at + 0.004, True, http(b"HTTP/1.1 200 OK", tell)))
            at += 0.2
    return ordered(said)


def web3_poll(rng, length):
    """A web3 client that asks for the block's number, and for a balance."""
    return rpc_poll(
        rng,
        length,
        float(rng.choice([4.0, 12.0, 30.0])),
        [
            ("eth_blockNumber", [], lambda r: hex(int(r.integers(2**24, 2**25)))),
            ("eth_getBalance", ["0x" + "5a" * 20, "latest"], lambda r: hex(int(r.integers(2**60)))),
        ],
    )


def test_web3_json_rpc_over_http_stays_normal(tmp_path):
    assert_stays_normal(tmp_path, spoken(web3_poll, 8545, n=12))


def new_heads(rng, length):
    """JSON lines on a socket: eth_subscribe, then a head every 12 s pushed by the node."""
    ask = b'{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}\n'
    said = [
        (0.2, False, ask),
        (0.25, True, b'{"jsonrpc":"2.0","id":1,"result":"0x9cef478923ff"}\n'),
    ]
    for at in beats(rng, length, 12.0, 0.8):
        head = {name: "0x" + rng.bytes(32).hex() for name in ("hash", "parentHash", "stateRoot")}
        head |= {"number": hex(int(at)), "gasLimit": "0x1c9c380", "extraData": "0x"}
        params = {"subscription": "0x9cef478923ff", "result": head}
        line = {"jsonrpc": "2.0", "method": "eth_subscription", "params": params}
        said.append((at, True, json.dumps(line).encode() + b"\n"))
    for at in beats(rng, length, 30.0, 0.1):
        said += [
            (at, False, b'{"jsonrpc":"2.0","id":7,"method":"net_version","params":[]}\n'),
            (at + 0.01, True, b'{"jsonrpc":"2.0","id":7,"result":"1"}\n'),
        ]
    return ordered(said)


def test_web3_subscription_to_new_heads_stays_normal(tmp_path):
    views = [kind for kind in VIEWS if kind is not InputKind.FIRST_30]
    assert_stays_normal(tmp_path, spoken(new_heads, 8546, n=12), views=views)


@pytest.mark.xfail(
    strict=True,
    reason="a head every 12 s and a poll every 30 s are an Ethereum miner's first 30 packets; "
    "nothing later is known to tell them apart",
)
def test_web3_subscription_by_its_first_packets_alone(tmp_path):
    assert_stays_normal(
        tmp_path, spoken(new_heads, 8546, n=12), views=[InputKind.NO_PAYLOAD, InputKind.FIRST_30]
    )


def wallet_rpc(rng, length):
    """A wallet at its own node: height, pool of transactions, balance, once in a while."""
    return rpc_poll(
        rng,
        length,
        float(rng.choice([10.0, 60.0])),
        [
            ("get_info", {}, lambda r: {"height": int(r.integers(3e6)), "status": "OK"}),
            ("get_balance", {"account_index": 0}, lambda r: {"balance": int(r.integers(2**40))}),
        ],
    )


def test_wallet_json_rpc_stays_normal(tmp_path):
    assert_stays_normal(tmp_path, spoken(wallet_rpc, 18081, n=12))


def language_server(rng, length):
    """JSON-RPC of an editor over TCP: bursts of requests, notifications back."""
    said = []
    for at in chances(rng, length, 25.0):
        for number in range(int(rng.geometric(0.3))):
            at += float(rng.exponential(0.3))
            ask = {"jsonrpc": "2.0", "id": number, "method": "textDocument/hover", "params": {}}
            tell = {"jsonrpc": "2.0", "id": number, "result": {"contents": "x" * 80}}
            said.append((at, False, json.dumps(ask).encode() + b"\n"))
            said.append((at + 0.03, True, json.dumps(tell).encode() + b"\n"))
    return ordered(said)


def test_json_rpc_of_an_editor_stays_normal(tmp_path):
    assert_stays_normal(tmp_path, spoken(language_server, 6009, n=12))
