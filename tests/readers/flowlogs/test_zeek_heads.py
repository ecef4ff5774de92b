# SPDX-License-Identifier: Apache-2.0
"""Logs of Zeek by their first octets."""

import pytest

from minewatch.readers.flowlogs.zeek_heads import JSON, OTHER, TSV, ZeekLog, zeek_log

ID = b'"id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"10.0.0.2","id.resp_p":2,"proto":"tcp"'


@pytest.mark.parametrize(
    ("head", "path", "encoding"),
    [
        (b"#separator \\x09\n#set_separator\t,\n#path\tconn\n", "conn", TSV),
        (b"\t#separator \\x09\n#path\tconn\n", "conn", TSV),
        (b"#separator \\x2c\n#path,ssl\n", "ssl", TSV),
        (b"#fields\tts\tuid\n", "", TSV),
        (b"\xef\xbb\xbf#fields\tts\tuid\n#path\tdns\n", "dns", TSV),
        (b'{"ts":1.5,"uid":"C",' + ID + b',"conn_state":"SF"}\n', "conn", JSON),
        (b'{"_path":"conn","ts":"2021-06-09T20:55:13Z",' + ID + b"}\n", "conn", JSON),
        (b'[{"ts":1.5,' + ID + b',"conn_state":"SF"},', "conn", JSON),
        (b'{"ts":1.5,' + ID + b',"trans_id":5,"query":"a"}\n', "dns", JSON),
        (b'{"ts":1.5,' + ID + b',"established":true}\n', "ssl", JSON),
        (b'{"_path":"http","ts":1.5,' + ID + b"}\n", "http", JSON),
        (b'{"ts":1.5,' + ID + b"}\n", "", JSON),
        (b'{"ts":1.5,"id.orig_h":"10.0.0.1","name":"bad_checksum"}\n', OTHER, JSON),
    ],
)
def test_what_is_of_zeek(head, path, encoding):
    assert zeek_log(head) == ZeekLog(path, encoding)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"# a comment\n",
        b"#Fields: date time\n",
        b'{"timestamp":"x","event_type":"flow"}\n',
        b'{"ts":1}\n{"id.orig_h":"10.0.0.1"}\n',
        b"version account-id\n",
        b"\xff\xfe\x00",
    ],
)
def test_what_is_not(head):
    assert zeek_log(head) is None
