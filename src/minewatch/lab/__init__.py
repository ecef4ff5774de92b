# SPDX-License-Identifier: Apache-2.0
"""The testbed: a whole lab in namespaces, and a simulator of the same protocols without sockets.

``plan`` says what a lab consists of, ``dialects`` how miners and pools talk, ``services`` what else
servers do. ``host`` plays one host over real sockets (``pool``, ``miner``, ``mining_proxy``) and
``run`` all of them. ``demo.pcap`` and ``demo_labels.json`` are what
``scripts/make_demo_capture.py`` made. Nobody hashes, and nothing connects anywhere on its own:
every address is in the plan.
"""
