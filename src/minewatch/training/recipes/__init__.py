# SPDX-License-Identifier: Apache-2.0
"""The recipe of every model that ships, one file a detector, each with a tuple ``RECIPES``."""
