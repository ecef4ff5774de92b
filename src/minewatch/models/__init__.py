# SPDX-License-Identifier: Apache-2.0
"""Model files, their cards, and the models that ship."""
