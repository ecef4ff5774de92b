# SPDX-License-Identifier: Apache-2.0
"""Feature sets: conversations to numbers. They know no detector, address, port or clock."""
