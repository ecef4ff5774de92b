# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.lab.simulator.texts import Texts
from minewatch.lab.simulator.tls_records import (
    PLAIN,
    TLS12,
    TLS13,
    header_texts,
    sealed_octets,
)


def test_records_add_what_the_protocol_adds():
    octets = np.array([568, 568, 568, 16_384, 16_385])
    versions = np.array([PLAIN, TLS12, TLS13, TLS13, TLS13], np.uint8)
    assert sealed_octets(octets, versions).tolist() == [568, 597, 590, 16_406, 16_429]


def test_headers_tell_the_length_of_the_first_record():
    texts = Texts()
    numbers = header_texts(texts, np.array([122, 40_000, 122]))
    assert numbers[0] == numbers[2]
    blob = texts.blob().tobytes()
    assert b"\x17\x03\x03\x00\x75" in blob
    assert len(blob) == 10
