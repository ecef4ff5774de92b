# SPDX-License-Identifier: Apache-2.0
"""Reasons to doubt a verdict: what innocent it could be, and what would disprove it."""
