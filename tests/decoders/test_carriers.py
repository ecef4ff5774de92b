# SPDX-License-Identifier: Apache-2.0
from minewatch.decoders.carriers import MINING_EXTENSIONS, conversation_messages


def seen(payload):
    return [(m.from_initiator, m.value, m.carrier) for m in conversation_messages(payload)]


def test_lines_in_the_order_of_capture(build):
    talk = build.talk((">", {"id": 1}), ("<", {"id": 2}), (">", {"id": 3}))
    assert seen(talk) == [
        (True, {"id": 1}, "lines"),
        (False, {"id": 2}, "lines"),
        (True, {"id": 3}, "lines"),
    ]
    assert [m.time_ns for m in conversation_messages(talk)] == [
        build.START,
        build.START + build.SECOND,
        build.START + 2 * build.SECOND,
    ]


def test_bodies_of_http(build):
    talk = build.talk(
        (">", build.post({"id": 1}, agent="cpuminer/2.5")), ("<", build.reply({"id": 2}))
    )
    assert seen(talk) == [(True, {"id": 1}, "http"), (False, {"id": 2}, "http")]
    assert [m.agent for m in conversation_messages(talk)] == ["cpuminer/2.5", ""]


def test_a_batch_in_http(build):
    talk = build.talk((">", build.post([{"id": 1}, {"id": 2}])))
    assert [value["id"] for _, value, _ in seen(talk)] == [1, 2]


def test_the_header_of_miners_is_kept(build):
    talk = build.talk((">", build.post({"id": 1}, extra="X-Mining-Extensions: midstate\r\n")))
    assert [m.agent for m in conversation_messages(talk)] == [MINING_EXTENSIONS]


def test_a_page_that_quotes_json_is_not_read(build):
    page = b'<pre>\n{"id": 1}\n</pre>'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page)
    assert seen(build.talk(("<", head + page))) == []


def test_frames_of_a_web_socket(build):
    talk = build.talk(
        (">", build.UPGRADE),
        ("<", build.SWITCHED),
        (">", build.frame({"id": 1}, mask=b"abcd")),
        ("<", build.frame({"id": 2})),
    )
    assert seen(talk) == [(True, {"id": 1}, "websocket"), (False, {"id": 2}, "websocket")]


def test_behind_a_proxy_there_are_lines(build):
    talk = build.talk(
        (">", "CONNECT pool.example:3333 HTTP/1.1\r\nHost: pool.example:3333\r\n\r\n"),
        ("<", "HTTP/1.1 200 Connection established\r\n\r\n"),
        (">", {"id": 1}),
        ("<", {"id": 2}),
    )
    assert seen(talk) == [(True, {"id": 1}, "lines"), (False, {"id": 2}, "lines")]


def test_behind_a_hole_http_goes_on(build):
    first = build.reply({"id": 1})
    whole = build.talk(("<", first), ("<", b"x" * 100), ("<", b'"}' + build.reply({"id": 2})))
    with_hole = type(whole)(6, [whole.segments[0], whole.segments[2]])
    assert [value for _, value, _ in seen(with_hole)] == [{"id": 1}, {"id": 2}]
