# SPDX-License-Identifier: Apache-2.0
"""Readers: each turns one kind of input into packet batches or flow tables."""
