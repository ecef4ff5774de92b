# SPDX-License-Identifier: Apache-2.0
"""What ships, measured on labelled captures and flow logs of the user's own; nothing is trained."""
