# SPDX-License-Identifier: Apache-2.0
"""Ways in which miners and pools talk: both ends of a connection, without sockets and clocks."""

from minewatch.lab.dialects import (
    bitcoin,
    coinhive,
    cryptonote,
    ethereumstratum,
    ethproxy,
    getblocktemplate,
    getwork,
    kawpow,
    sv2,
    zcash,
)
from minewatch.lab.dialects.contract import Dialect

_ALL: tuple[Dialect, ...] = (
    *cryptonote.DIALECTS,
    *bitcoin.DIALECTS,
    *kawpow.DIALECTS,
    *ethereumstratum.DIALECTS,
    *ethproxy.DIALECTS,
    *zcash.DIALECTS,
    *getblocktemplate.DIALECTS,
    *getwork.DIALECTS,
    *coinhive.DIALECTS,
    *sv2.DIALECTS,
)

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in _ALL}
"""By name, as plans and labels call them."""
