# SPDX-License-Identifier: Apache-2.0
"""Every built-in responder by its name."""

from __future__ import annotations

from typing import Final

from minewatch.contracts import Responder
from minewatch.errors import ConfigError
from minewatch.response.aws import NETWORK_ACL, NETWORK_FIREWALL, SECURITY_GROUP
from minewatch.response.azure import NETWORK_SECURITY_GROUP
from minewatch.response.cloud import CloudPlanner
from minewatch.response.gcp import FIREWALL
from minewatch.response.nftables import NftablesResponder
from minewatch.response.openvswitch import OpenVSwitchResponder
from minewatch.response.routes import RouteResponder

PLANNERS: Final[tuple[CloudPlanner, ...]] = (
    SECURITY_GROUP,
    NETWORK_ACL,
    NETWORK_FIREWALL,
    FIREWALL,
    NETWORK_SECURITY_GROUP,
)
NAMES: Final = (
    NftablesResponder.name,
    RouteResponder.name,
    "openvswitch:BRIDGE",
    *(planner.name for planner in PLANNERS),
)
"""As ``--with`` takes them."""


def responder_named(text: str) -> Responder:
    """Return a responder.

    Parameters
    ----------
    text : one of ``NAMES``, with the name of a bridge where it says so.

    Raises
    ------
    ConfigError : no such responder.

    Examples
    --------
    >>> responder_named("openvswitch:br0").name
    'openvswitch:br0'
    """
    name, colon, rest = text.partition(":")
    if name == "openvswitch" and colon:
        return OpenVSwitchResponder(rest)
    found: dict[str, Responder] = {planner.name: planner for planner in PLANNERS}
    found |= {one.name: one for one in (NftablesResponder(), RouteResponder())}
    if text not in found:
        raise ConfigError(f"responder {text[:60]!r}: one of {', '.join(NAMES)}")
    return found[text]
