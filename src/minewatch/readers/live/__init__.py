# SPDX-License-Identifier: Apache-2.0
"""Packets from network interfaces, as they pass."""
