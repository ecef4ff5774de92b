# SPDX-License-Identifier: Apache-2.0
"""Cutting a miner off from its pool: planned always, done only if allowed, undone in time."""
