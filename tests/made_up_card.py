# SPDX-License-Identifier: Apache-2.0
"""The card of a model that is made up, for tests of what is in a model file beside it."""

from minewatch.models.card import FeatureCard, ModelCard


def made_up_card(*features: str) -> ModelCard:
    """Return a card with inputs of these names; it corrects and calibrates nothing."""
    return ModelCard(
        name="made-up",
        schema_version=1,
        feature_set="none",
        features=tuple(FeatureCard(name, "1", 0, 0, 0) for name in features),
        metering={"interval_s": 60.0},
        algorithm="none",
        prevalence=0.5,
        base_rate=0.5,
        pass_share=1.0,
        min_known=1,
    )
