# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from minewatch.models.card import FeatureCard, ModelCard
from minewatch.models.model_file import read_card, shipped_model
from minewatch.models.page import card_page

PAGE = Path(__file__).parents[2] / "docs" / "models" / "flowstats.md"


def test_the_page_is_that_of_the_shipped_model(golden):
    golden(PAGE, card_page(read_card(shipped_model())))


def test_a_card_without_figures_says_so():
    card = ModelCard(
        name="other",
        schema_version=1,
        feature_set="paper",
        features=(FeatureCard("octets_ratio", "1", 1.0, 0.1, 9.0),),
        metering={"interval_s": 60.0},
        algorithm="decision tree",
        prevalence=0.1,
        base_rate=0.002,
        pass_share=0.1,
        min_known=1,
        created="2026-11-24",
    )
    page = card_page(card)
    assert "# Model `other`" in page
    assert "Not evaluated." in page
    assert "| `octets_ratio` | 1 | 1 | 0.1 | 9 |" in page
    assert "on 2026-11-24" in page
