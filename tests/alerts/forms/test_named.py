# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from made_up_alerts import ALL
from minewatch.alerts.forms.named import FORMS, JSON_FORMS, form_named
from minewatch.errors import ConfigError


@pytest.mark.parametrize("name", sorted(FORMS))
@pytest.mark.parametrize("alert", ALL)
def test_every_form_gives_one_printable_line(name, alert):
    line = form_named(name)(alert)
    assert line.isprintable()
    assert 50 < len(line) < 20_000
    if name in JSON_FORMS:
        assert line.isascii()
        assert isinstance(json.loads(line), dict)


def test_an_unknown_name():
    with pytest.raises(ConfigError, match="'xml': no such form; there are cef, ecs, eve, json"):
        form_named("xml")
