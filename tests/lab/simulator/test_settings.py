# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.errors import ConfigError
from minewatch.lab.simulator.settings import DAY_S, Settings


def test_the_defaults_are_the_papers():
    settings = Settings()
    assert (settings.conversations, settings.mining, settings.servers) == (84_344, 157, 10)
    assert settings.horizon_s - settings.start_s == DAY_S


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"conversations": 0}, "conversations must be 1 to 5e"),
        ({"conversations": 10, "mining": 11}, "mining must be 0 to 10"),
        ({"days": 0.0}, "days must be"),
        ({"days": float("nan")}, "days must be"),
        ({"servers": 1000}, "servers must be 1 to 250"),
        ({"evasion": 1.5}, "evasion must be 0 to 1"),
        (
            {"composition": "tame"},
            "composition must be wild, look-alikes, paper, f2pool, xmrig-lab or ethminer",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_domain(wrong: dict, says: str):
    with pytest.raises(ConfigError, match=says):
        Settings(**wrong)
