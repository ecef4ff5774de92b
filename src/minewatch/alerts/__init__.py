# SPDX-License-Identifier: Apache-2.0
"""Alerts: one for a host and a pool, kept up to date, and brought to where people look."""
