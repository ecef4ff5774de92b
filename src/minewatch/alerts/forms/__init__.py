# SPDX-License-Identifier: Apache-2.0
"""How an alert looks to those who get it: one module a form, and the form in which it is kept."""
