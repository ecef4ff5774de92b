# SPDX-License-Identifier: Apache-2.0
from minewatch.decoders.stratum.sighting import POOL_ROLES, Role, text_or_none


def test_a_misfit_is_nobodys_role():
    assert Role.MISFIT not in POOL_ROLES
    assert set(Role) > POOL_ROLES


def test_text_or_none():
    assert [text_or_none(value) for value in ("a", "", None, 7)] == ["a", None, None, None]
