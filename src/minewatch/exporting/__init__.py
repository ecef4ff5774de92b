# SPDX-License-Identifier: Apache-2.0
"""Captures written as the flow logs that a cloud or an exporter would have made of them."""
