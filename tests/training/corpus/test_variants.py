# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from coin_corpus import corpus
from minewatch.features.series import messages_of
from minewatch.training.corpus import tables, variants
from minewatch.training.corpus.build import build_corpus
from minewatch.training.corpus.stored import Corpus
from minewatch.training.corpus.variants import varied
from minewatch.training.corpus.views import InputKind, view
from talks import NS, frames_of, write_capture


@pytest.fixture(scope="module")
def made():
    return corpus(pools=2, each=2)


@pytest.fixture
def only(monkeypatch):
    """Turn every variation off but those given: each drawn from what a test says."""

    def only(*, left_out=0.0, pace=1.0, shift=0, multiple=1, late=0.0):
        monkeypatch.setattr(variants, "_shares_left_out", lambda rng, n: np.full(n, left_out))
        monkeypatch.setattr(variants, "_PACE", 0.0)
        monkeypatch.setattr(variants, "_SHIFTS", (shift,))
        monkeypatch.setattr(variants, "_MULTIPLES", (multiple,))
        monkeypatch.setattr(variants, "_LATE", late)
        if pace != 1.0:
            monkeypatch.setattr(np, "exp", lambda drawn: np.full(np.shape(drawn), pace))

    return only


def talk(folder, said, **more):
    return build_corpus([write_capture(folder, frames_of(said, **more))])


def said(given):
    """Return (seconds, who, octets) of the payload packets of a corpus of one conversation."""
    talking = given.packets.filter(pl.col("payload_octets") > 0)
    return [
        (offset / NS, forth, octets)
        for offset, octets, forth in talking.select(
            "offset_ns", "payload_octets", "from_initiator"
        ).iter_rows()
    ]


# A login and its answer; a job; then three times a share, answered in two segments, and a job.
LOGIN = [(1.0, True, 300), (1.1, False, 400), (4.0, False, 350)]
ROUND = [(0.0, True, 150), (0.1, False, 1200), (0.101, False, 80), (5.0, False, 350)]
ROUNDS = [(begin + at, *one) for begin in (10.0, 20.0, 30.0) for at, *one in ROUND]
TALK = [*LOGIN, *ROUNDS]


def test_the_seed_says_how(made):
    assert_frame_equal(varied(made, 3).packets, varied(made, 3).packets)
    assert not varied(made, 3).packets.equals(varied(made, 4).packets)
    assert not varied(made, 3).packets.equals(made.packets)


def test_what_is_true_of_conversations_stays(made):
    found = varied(made, 1).conversations
    same = ["conversation", "label", "source", "capture", "remote", "dialect", "algorithm"]
    known = made.conversations.filter(pl.col("conversation").is_in(found["conversation"].implode()))
    assert_frame_equal(found.select(same), known.select(same))
    assert found.height == made.conversations.height
    assert dict(found.schema) == tables.LABELLED
    assert varied(made, 1).decoded.is_empty()


def test_the_label_is_not_looked_at(made):
    """Were mining varied otherwise than the rest, a model would learn the variation."""
    flipped = made.conversations.with_columns(
        label=pl.when(pl.col("label") == "mining")
        .then(pl.lit("normal"))
        .otherwise(pl.lit("mining")),
        source=pl.lit("elsewhere"),
        service=pl.lit(None, pl.String),
    )
    other = varied(Corpus(flipped, made.packets, made.decoded), 5)
    assert_frame_equal(other.packets, varied(made, 5).packets)


def test_counters_are_those_of_the_varied_packets(made):
    found = varied(made, 2)
    sums = found.packets.group_by("conversation", maintain_order=True).agg(
        octets=pl.col("payload_octets").filter("from_initiator").cast(pl.Int64).sum(),
        packets=pl.col("from_initiator").sum().cast(pl.Int64),
        last=pl.col("offset_ns").max(),
        first=pl.col("offset_ns").min(),
    )
    frame = found.conversations
    assert frame["payload_octet_count"].to_list() == sums["octets"].to_list()
    assert frame["packet_delta_count"].to_list() == sums["packets"].to_list()
    length = frame["flow_end_nanoseconds"] - frame["flow_start_nanoseconds"]
    assert length.to_list() == sums["last"].to_list()
    assert set(sums["first"]) == {0}


def test_without_any_variation_all_is_as_it_was(only, tmp_path):
    only()
    whole = talk(tmp_path, TALK)
    assert_frame_equal(varied(whole, 0).packets, whole.packets)
    assert_frame_equal(varied(whole, 0).conversations, whole.conversations)


def test_thinning_leaves_out_what_the_client_said_with_its_answers(only, tmp_path):
    """All of it is left out but the opening: the login, and the job that follows.

    The answer's second segment comes after no message of the client, and goes all the same.
    """
    only(left_out=1.0)
    whole = talk(tmp_path, TALK)
    found = varied(whole, 0)
    jobs = [(at, False, 350) for at in (15.0, 25.0, 35.0)]
    assert said(found) == [*LOGIN, *jobs]
    # bare acknowledgements go with what they acknowledge
    assert found.packets.height == whole.packets.height - 3 * 6


def test_thinning_leaves_out_whole_exchanges_only(only, tmp_path):
    only(left_out=0.5)
    whole = talk(
        tmp_path, [*LOGIN, *((at + 30 * n, *one) for n in range(30) for at, *one in ROUNDS)]
    )
    kept = said(varied(whole, 1))
    shares = [at for at, forth, octets in kept if octets == 150]
    answers = [at for at, forth, octets in kept if octets == 1200]
    ends = [at for at, forth, octets in kept if octets == 80]
    assert 30 < len(shares) < 60
    assert np.round(np.array(answers) - shares, 6).tolist() == [0.1] * len(shares)
    assert np.round(np.array(ends) - shares, 6).tolist() == [0.101] * len(shares)
    assert sum(octets == 350 for *_, octets in kept) == 91


def test_of_a_server_that_spoke_first_the_clients_words_are_left_out(only, tmp_path):
    """Met in its middle, the server's packet made it the initiator: its jobs stay.

    The first two exchanges, a job and a share, are the opening.
    """
    only(left_out=1.0)
    frames = frames_of([(1.0, False, 350), *ROUNDS])[2:]
    whole = build_corpus([write_capture(tmp_path, frames)])
    assert whole.conversations["source_transport_port"].item() == 3333
    sizes = [octets for *_, octets in said(varied(whole, 0))]
    assert sizes == [350, 150, 1200, 80, 350, 350, 350]


def test_a_shift_adds_a_constant_to_each_message(only, tmp_path):
    """The answer of 1200 and 80 octets is one message: it grows by 29, not by 58."""
    whole = talk(tmp_path, TALK)
    only(shift=29)
    shifted = varied(whole, 0)
    before, after = (
        messages_of(view(one, InputKind.NO_PAYLOAD).conversations) for one in (whole, shifted)
    )
    assert 1280 in before.octets
    assert (after.octets - before.octets).tolist() == [29] * len(before.octets)
    grown = shifted.packets["octets"].cast(pl.Int64).sum() - whole.packets["octets"].sum()
    assert grown == 29 * len(before.octets)


def test_padding_fills_messages_up(only, tmp_path):
    """16: 300 to 304, 400 as it is, 350 to 352, 150 to 160, 1280 as it is."""
    only(multiple=16)
    padded = view(varied(talk(tmp_path, TALK), 0), InputKind.NO_PAYLOAD).conversations
    wanted = [304, 400, 352, *[160, 1280, 352] * 3]
    assert messages_of(padded).octets.tolist() == wanted


def test_bare_acknowledgements_stay_bare(only, tmp_path):
    only(shift=48, multiple=256)
    whole = talk(tmp_path, TALK)
    bare = pl.col("payload_octets") == 0
    found = varied(whole, 0).packets
    assert found.filter(bare).height == whole.packets.filter(bare).height
    assert set(found.filter(bare)["octets"]) == {40}


def test_another_pace_stretches_all_gaps_alike(only, tmp_path):
    whole = talk(tmp_path, TALK)
    only(pace=0.5)
    found = varied(whole, 0)
    halves = np.array([at for at, *_ in said(whole)]) / 2
    assert [at for at, *_ in said(found)] == pytest.approx(halves.tolist())


def test_a_late_start_drops_the_beginning(only, tmp_path):
    """Up to half of it: the handshake is always gone, and time begins at what is first seen."""
    whole = talk(tmp_path, [(at + 4, *one) for at, *one in TALK])
    only(late=1.0)
    starts = set()
    for seed in range(8):
        found = varied(whole, seed)
        n = found.packets.height
        assert n < whole.packets.height
        tail = whole.packets.tail(n)
        columns = ["octets", "payload_octets", "from_initiator", "tcp_flags"]
        assert_frame_equal(found.packets.select(columns), tail.select(columns))
        wanted = tail["offset_ns"] - tail["offset_ns"][0]
        assert found.packets["offset_ns"].to_list() == wanted.to_list()
        assert found.conversations["is_initiator_known"].to_list() == [False]
        starts.add(n)
    assert len(starts) > 3


def test_what_is_not_known_whole_is_left_out(made):
    first_only = made.conversations.with_columns(
        is_first_only=pl.col("conversation") == 2, is_kept=pl.col("conversation") != 3
    )
    found = varied(Corpus(first_only, made.packets, made.decoded), 0)
    wanted = set(made.conversations["conversation"]) - {2, 3}
    assert set(found.conversations["conversation"]) == wanted
    assert set(found.packets["conversation"]) == wanted


def test_a_third_is_thinned_not_at_all_and_some_loses_everything():
    shares = variants._shares_left_out(np.random.default_rng(0), 20_000)
    assert np.mean(shares == 0) == pytest.approx(0.35, abs=0.02)
    assert np.mean(shares == 1) == pytest.approx(0.15, abs=0.02)
    assert ((shares >= 0) & (shares <= 1)).all()
