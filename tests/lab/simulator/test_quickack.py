# SPDX-License-Identifier: Apache-2.0
import scripted
from minewatch.lab.simulator import script as s
from scripted import Talk, flag_names, made, seconds


def linux(said, **options):
    """Names of the packets after the handshake."""
    p = made(Talk(said, ack_delay_s=0.04, close=s.CLOSE_NONE, **options))
    return flag_names(p)[3:]


def test_as_the_kernel_did_over_loopback():
    """Shares that are answered after 4.5 ms and three pushes, as Linux 6.18 acknowledged them."""
    said = []
    for i in range(4):
        said += [(0.004 + i / 2, False, 184), (0.0085 + i / 2, True, 63)]
    said += [(1.14, True, 378), (2.28, True, 378)]
    names = linux(sorted(said), rtt_s=0.00003)
    share, push = ["PA>", "PA<", "A>"], ["PA<", "A>"]
    first = ["PA>", "A<", "PA<", "A>"]  # the server has not answered yet
    assert names == [*first, *share, *share, *push, *share, *push]


def test_other_systems_wait():
    said = [(0.1, False, 184), (0.2, True, 63), (5.0, True, 63)]
    assert linux(said, rtt_s=0.001) == ["PA>", "A<", "PA<", "A>", "PA<", "A>"]
    p = made(Talk(said, rtt_s=0.001, ack_delay_s=0.2, close=s.CLOSE_NONE))
    assert flag_names(p)[3:] == ["PA>", "A<", "PA<", "A>", "PA<", "A>"]  # a server is Linux
    assert seconds(p)[-1] > 5.19


def test_sixteen_segments_are_acknowledged_each_then_every_second():
    names = linux([(0.1, True, 40 * 1448)], rtt_s=0.3)
    bare = names.count("A>")
    assert bare == 16 + 12


def test_who_waited_in_vain_acknowledges_at_once_again():
    said = [(1.0, False, 10), (1.01, True, 10)]  # answered: it counts on that
    said += [(2.0, False, 10), (3.0, False, 10)]  # not answered any more
    p = made(Talk(said, rtt_s=0.001, ack_delay_s=0.04, close=s.CLOSE_NONE))
    delays = [
        round(then - now, 3)
        for now, then, name in zip(seconds(p), seconds(p)[1:], flag_names(p)[1:], strict=False)
        if name == "A<"
    ]
    assert delays == [0.001, 0.041, 0.001]


def test_a_script_of_nothing():
    assert len(scripted.made(Talk(protocol=s.UDP, ack_delay_s=0.04))) == 0
