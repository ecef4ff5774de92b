# SPDX-License-Identifier: Apache-2.0
"""Kwedza and Chindipha's experiments, done again beside an honest split of the same data."""
