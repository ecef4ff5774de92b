# SPDX-License-Identifier: Apache-2.0
"""Stratum and its relatives: a file for each dialect's grammar, one for the dialogue."""

from minewatch.decoders.stratum.decoder import StratumDecoder

__all__ = ["StratumDecoder"]
