# SPDX-License-Identifier: Apache-2.0
"""TO BE WRITTEN."""
