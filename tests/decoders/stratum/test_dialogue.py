# SPDX-License-Identifier: Apache-2.0
"""The verdict by both sides' behaviour; whole sessions are in `test_decoder`."""

import pytest

from minewatch.decoders.carriers import conversation_messages
from minewatch.decoders.stratum.dialogue import METHODS, Dialogue


@pytest.fixture
def verdict(build):
    def of(*turns, **more):
        dialogue = Dialogue()
        for message in conversation_messages(build.talk(*turns, **more)):
            dialogue.add(message)
        return dialogue.verdict()

    return of


def state(row):
    return row and row["stratum_state"]


def subscribe(build, agent="cgminer/4.10.0"):
    return (">", build.rpc(1, "mining.subscribe", [agent]))


def test_each_method_has_one_grammar():
    assert {
        "login",
        "job",
        "mining.notify",
        "eth_getWork",
        "getwork",
        "mining.hello",
    } <= METHODS.keys()


def test_an_attempt(build, verdict):
    assert state(verdict(subscribe(build))) == "attempt"
    error = build.result(1, None, {"code": -32601, "message": "Method not found"})
    assert state(verdict(subscribe(build), ("<", error))) == "attempt"
    login = build.sessions["cryptonote"][0]
    assert state(verdict(login)) == "attempt"
    assert state(verdict(login, ("<", build.result(1, {"status": "OK"})))) == "attempt"


def test_jobs_alone(build, verdict):
    job = ("<", {"method": "job", "params": build.JOB})
    assert state(verdict(job)) == "jobs-only"
    assert verdict(job)["stratum_is_miner_initiator"] is True
    assert state(verdict(("<", build.rpc(None, "mining.notify", build.NOTIFY)))) == "jobs-only"
    assert verdict(("<", build.rpc(None, "mining.set_difficulty", [4096]))) is None


def test_lists_of_hashes_alone_are_work_only_when_small_and_repeated(build, verdict):
    work = [build.X, build.X, "0x00000000" + "db" * 28]
    pushed = ("<", {"id": 0, "jsonrpc": "2.0", "result": work})
    assert verdict(pushed) is None
    assert state(verdict(pushed, pushed)) == "jobs-only"
    blocks = ("<", {"id": 0, "jsonrpc": "2.0", "result": [build.X] * 3})
    assert verdict(blocks, blocks, blocks) is None


def test_work_is_no_work_if_something_else_was_asked(build, verdict):
    asked = (">", build.rpc(0, "eth_getFilterChanges", ["0x1"]))
    work = ("<", {"id": 0, "result": [build.X, build.X, "0x00000000" + "db" * 28]})
    assert verdict(asked, work, work, work) is None


def test_a_session_without_a_job(build, verdict):
    greeting = build.result(1, [[["mining.notify", "1"]], "00b61738", 4])
    row = verdict(subscribe(build), ("<", greeting))
    assert (state(row), row["stratum_jobs"]) == ("session", 0)
    alive = ("<", build.result(3, {"status": "KEEPALIVED"}))
    assert state(verdict((">", build.rpc(3, "keepalived", {"id": "a"})), alive)) == "session"
    assert verdict((">", build.rpc(3, "keepalived", {"id": "a"}))) is None


def test_shares_are_counted_by_their_answers(build, verdict):
    share = {"id": "a", "job_id": "b", "nonce": "5a000000", "result": build.H}
    turns = [(">", build.rpc(n, "submit", share)) for n in range(5)]
    turns += [
        ("<", build.result(0, {"status": "OK"})),
        ("<", build.result(1, None, {"code": -1, "message": "Low difficulty share"})),
        ("<", build.result(2, True)),
        ("<", build.result(3, False)),
        ("<", build.result(99, {"status": "OK"})),
    ]
    row = verdict(*turns)
    counts = [row[f"stratum_{name}"] for name in ("submits", "results_ok", "results_error")]
    assert (state(row), counts) == ("session", [5, 2, 2])


def test_a_side_that_plays_both_parts_is_a_recording(build, verdict):
    session = build.sessions["cryptonote"]
    assert verdict(*[("<", said) for _, said in session]) is None
    echo = [turn for side, said in session if side == ">" for turn in ((">", said), ("<", said))]
    assert verdict(*echo) is None


def test_one_stray_message_changes_nothing(build, verdict):
    stray = ("<", build.rpc(9, "mining.get_transactions", []))
    row = verdict(*build.sessions["bitcoin"], stray)
    assert state(row) == "session"


def test_the_right_words_in_a_wrong_structure(build, verdict):
    news = (">", build.rpc(1, "mining.subscribe", ["news"]))
    topic = ("<", build.result(1, "sub-17"))
    ore = ("<", {"method": "mining.notify", "params": {"ore": "gold", "tons": 7}})
    assert verdict(news) is None
    assert verdict(news, topic) is None
    assert verdict(news, topic, ore) is None
    assert verdict((">", build.rpc(1, "mining.subscribe", [])), topic, ore) is None
    assert verdict((">", build.rpc(2, "mining.authorize", ["bob", "secret"]))) is None
    # A miner's name at a server that does not know its protocol: still a miner.
    assert state(verdict(subscribe(build), topic, ore)) == "attempt"


def test_polling_a_node(build, verdict):
    ask = build.rpc(0, "getblocktemplate", [{"capabilities": ["coinbasetxn"]}])
    give = ("<", build.reply(build.result(0, build.TEMPLATE)))
    row = verdict((">", build.post(ask)), give)
    assert (state(row), row["stratum_dialect"], row["stratum_jobs"]) == (
        "poll",
        "getblocktemplate",
        1,
    )
    assert state(verdict((">", build.post(ask)))) == "poll"
    assert state(verdict((">", build.post(ask, agent="cgminer/4.2")), give)) == "session"
    assert state(verdict((">", build.post(ask, agent="cgminer/4.2")))) == "attempt"
    block = (">", build.post(build.rpc(1, "submitblock", ["ab" * 100])))
    assert state(verdict((">", build.post(ask)), give, block)) == "poll"


@pytest.mark.parametrize(
    ("result", "taken"),
    [(None, True), ({"status": "OK"}, True), ("high-hash", False), ("", True)],
)
def test_a_node_says_null_to_a_block_that_it_takes(build, verdict, result, taken):
    ask = (">", build.post(build.rpc(0, "getblocktemplate", [{}]), agent="cgminer/4.2"))
    block = (">", build.post(build.rpc(1, "submitblock", ["ab" * 100]), agent="cgminer/4.2"))
    row = verdict(ask, block, ("<", build.reply(build.result(1, result))))
    assert (row["stratum_results_ok"], row["stratum_results_error"]) == (taken, not taken)


def test_getwork_with_a_share_is_a_miner(build, verdict):
    share = (">", build.post(build.rpc(1, "getwork", ["00" * 128])))
    assert state(verdict((">", build.post(build.rpc(0, "getwork", []))), share)) == "session"


def test_a_miner_reports_its_hashrate_a_pool_does_not(build, verdict):
    ask = (">", build.post(build.rpc(1, "eth_getWork", [])))
    give = ("<", build.reply({"id": 1, "result": [build.X, build.X, "0x00000000" + "db" * 28]}))
    rate = (">", build.post(build.rpc(2, "eth_submitHashrate", ["0x1", build.X])))
    assert state(verdict(ask, give)) == "poll"
    assert state(verdict(ask, give, rate)) == "session"


def test_the_head_of_a_request_may_be_missing(build, verdict):
    """The metering keeps what begins like JSON: a body that fills a packet of its own."""
    work = {"id": 1, "result": [build.X, build.X, "0x00000000" + "db" * 28]}
    ask, give = (">", build.rpc(1, "eth_getWork", [])), ("<", build.reply(work))
    row = verdict(ask, give)
    assert (state(row), row["stratum_dialect"]) == ("poll", "eth-getwork")
    ask = (">", build.rpc(0, "getblocktemplate", []))
    assert state(verdict(ask)) == "poll"
    assert state(verdict(ask, ("<", build.reply(build.result(0, build.TEMPLATE))))) == "poll"


def test_stratum_does_not_travel_in_http(build, verdict):
    said = [build.post(said) for _, said in build.sessions["cryptonote"][:1]]
    jobs = [build.reply({"method": "job", "params": build.JOB})] * 3
    assert verdict((">", said[0]), *[("<", job) for job in jobs]) is None


def test_ids_of_any_kind(build, verdict):
    for identifier in (None, [], {}, 1.5, True, "x" * 500, -(10**30)):
        login = {**build.sessions["cryptonote"][0][1], "id": identifier}
        answer = build.result(identifier, {"id": "a", "job": build.JOB})
        assert state(verdict((">", login), ("<", answer))) == "session"


def test_what_was_said_is_made_fit_for_a_terminal(build, verdict):
    params = {
        "login": "\x1b[2J" + "A" * 100,
        "pass": "x",
        "agent": "XMRig/6\x07\ud800",
        "algo": ["\x1b"],
    }
    row = verdict((">", build.rpc(1, "login", params)))
    assert row["stratum_login"] == "?[2JAAAA…AAAA"
    assert row["stratum_agent"] == "XMRig/6??"
    assert row["stratum_algorithm"] == "?"


def test_nothing_is_nothing():
    assert Dialogue().verdict() is None


@pytest.mark.parametrize(("forth", "back", "is_mining"), [(3, 1, False), (5, 1, True)])
def test_a_side_that_plays_both_parts_is_neither(build, verdict, forth, back, is_mining):
    ask = build.rpc(1, "mining.subscribe", ["cgminer/4.10.0"])
    row = verdict(*[(">", ask)] * forth, *[("<", ask)] * back)
    assert (row is not None) == is_mining
