# SPDX-License-Identifier: Apache-2.0
"""Watching live traffic: the same detectors again and again, state that is bounded, alerts."""
