# SPDX-License-Identifier: Apache-2.0
import logging
from random import Random

from minewatch.lab.services import smtp


def test_mails_are_taken(stage, caplog):
    caplog.set_level(logging.INFO, logger="mail.log")
    made = stage("smtp", pause_mean_s=0.1)
    made.play(lambda s: caplog.text.count("connection lost") > 2)
    said = [line for line in caplog.text.splitlines() if "mail.log" in line]
    assert any("sender: cron@client-1.lab.example" in line for line in said)
    assert any("EHLO client-2.lab.example" in line or "client-2" in line for line in said)
    assert not [line for line in said if "ERROR" in line]


def test_mails_differ_and_some_carry_a_file():
    rng = Random(1)
    mails = [smtp._mail("a.example", "b.example", rng) for _ in range(60)]
    assert len({mail["Subject"] for mail in mails}) > 50
    assert 3 <= sum(mail.is_multipart() for mail in mails) <= 25
    assert max(len(mail.as_bytes()) for mail in mails) < smtp._MOST_OCTETS
