# SPDX-License-Identifier: Apache-2.0
from minewatch.experiments.paper import paper_numbers as paper


def test_the_table_is_whole():
    assert len(paper.TABLE_1) == 12
    assert paper.TABLE_1[("KNN", "bits/s")] == "98.015"


def test_numbers_agree_where_they_should():
    count = {name: int(text.replace(",", "")) for name, text in vars(paper).items()
             if name in ("CONVERSATIONS", "MINING", "NORMAL")}  # fmt: skip
    assert count["MINING"] + count["NORMAL"] == count["CONVERSATIONS"]
    column = [float(v) for (_, s), v in paper.TABLE_1.items() if s == "bits/packet"]
    assert round(sum(column) / 4, 2) == float(paper.MEAN_BITS_PER_PACKET)
    assert sum(map(int, paper.COIN_ROWS[1:])) == int(paper.COIN_ROWS[0])


def test_every_number_is_listed():
    numbers = paper.all_numbers()
    for value in ("84,344", "157", "84,187", "49.955", "49.99", "95.45", "95.06", "12.64", "19.63",
                  "81.60", "89.18", "74.18", "86.30", "89.06", "125", "32"):  # fmt: skip
        assert value in numbers
