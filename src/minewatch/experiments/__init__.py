# SPDX-License-Identifier: Apache-2.0
"""Experiments that join the stages for a question: the paper's tables and figures among them."""
