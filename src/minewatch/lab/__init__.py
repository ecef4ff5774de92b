# SPDX-License-Identifier: Apache-2.0
"""The testbed: a Stratum pool and a miner that speak over real sockets and never hash.

``cryptonote`` holds the messages, ``tls`` the contexts, ``stratum_pool`` and ``stratum_miner`` the
two programs (``python -m minewatch.lab.stratum_pool --help``). ``demo.pcap`` and
``demo_labels.json`` are what ``scripts/make_demo_capture.py`` made of them. Nothing here connects
anywhere on its own: every address is an argument.
"""
