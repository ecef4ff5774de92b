# SPDX-License-Identifier: Apache-2.0
"""What exporters send: NetFlow v5 and v9, IPFIX, sFlow; from captures, files and sockets."""
