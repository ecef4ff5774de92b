# SPDX-License-Identifier: Apache-2.0
"""A corpus: labelled conversations with all their packets, to look at as they stood at any moment.

``build`` reads labelled captures once; ``views`` shows what a detector would have been given after
so many seconds, from packets, without payload, from the first packets alone or from a flow log.
"""
