# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from minewatch.datasets.card import read_card
from minewatch.datasets.page import MAX_SHOWN, dataset_page
from minewatch.datasets.tables import conversation_columns


def test_the_page_tells_everything(dataset):
    card = read_card(dataset)
    page = (dataset / "README.md").read_text()
    assert page == dataset_page(card)
    assert page.startswith("# Dataset data\n\n9 network conversations, 4 of them mining")
    for text in (
        "- Licence: CC0-1.0",
        "Intended use: To train",
        "| cryptonote | 4 |",
        "| nginx | 3 |",
        "Seeds: 7.",
        "| mining | hidden | 2 | mining that is encrypted, so that it cannot be read: expected |",
        "| home | 10.0.0.0/8, ",
        card.files[0].sha256,
        "| web-1.pcap | capture |",
        "- Addresses: as captured",
    ):
        assert text in page
    for column in conversation_columns():
        assert f"| `{column.name}` |" in page


def test_a_hostile_card_stays_in_its_cells(dataset):
    card = replace(
        read_card(dataset),
        name="a|b\\|c<script>\x1b[2J",
        composition={"label": {f"v{n}": 1 for n in range(MAX_SHOWN + 5)}},
        intended_use="x\n# y",
        inputs=({"name": ["|"], "kind": None},) * (MAX_SHOWN + 1),
        created="2026\n",
    )
    page = dataset_page(card)
    assert "# Dataset a\\|b\\\\\\|c&lt;script>?[2J\n" in page
    assert "| and 5 more | 5 |" in page
    assert "\n# y" not in page
    assert "and 1 more in card.json" in page
