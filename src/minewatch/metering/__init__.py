# SPDX-License-Identifier: Apache-2.0
"""Packets -> interval biflow records: the compiled kernels are here and nowhere else."""
