# SPDX-License-Identifier: Apache-2.0
"""Detectors: each gives every conversation a probability of mining, or stays silent."""
