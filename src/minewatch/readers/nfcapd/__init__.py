# SPDX-License-Identifier: Apache-2.0
"""Files of nfdump: what nfcapd, sfcapd and nfpcapd write."""
