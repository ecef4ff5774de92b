# SPDX-License-Identifier: Apache-2.0
from minewatch.alerts.grouping import AlertBook
from minewatch.output.alert_lines import alert_lines
from packets import NS
from watched import finding


def tellings():
    book = AlertBook("test")
    book.add(finding(pool_name="pool\x1b[2J.example"))
    (new,) = book.tell(finding().end_ns)
    book.add(finding(0, 90, is_mining=False, probability=0.25))
    (withdrawn,) = book.tell(finding().end_ns + 60 * NS)
    return new, withdrawn


def test_a_new_alert_has_its_line_and_the_first_step():
    new, _ = tellings()
    line, step = alert_lines(new)
    assert f" new LOW {new.id[:12]} 10.0.0.1 mines at " in line
    assert step.strip().startswith("On 10.0.0.1, find the process")
    assert line.isprintable()


def test_what_was_withdrawn_says_so_in_one_line():
    _, withdrawn = tellings()
    (line,) = alert_lines(withdrawn)
    assert "updated LOW" in line
    assert "does not seem to mine at" in line
    assert "probability now 0.250" in line
