# SPDX-License-Identifier: Apache-2.0
"""Every detector on sources that it never saw: measures, and a report of them."""
