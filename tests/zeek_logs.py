# SPDX-License-Identifier: Apache-2.0
"""Logs of Zeek, written for tests."""

import json

CONN = (
    "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes "
    "conn_state local_orig local_resp missed_bytes history orig_pkts orig_ip_bytes resp_pkts "
    "resp_ip_bytes tunnel_parents"
).split()
ROW = {
    "ts": "1700000000.250000",
    "uid": "CAAAAAAAAAAAAAAAA1",
    "id.orig_h": "10.0.0.5",
    "id.orig_p": "40000",
    "id.resp_h": "203.0.113.7",
    "id.resp_p": "3333",
    "proto": "tcp",
    "service": "ssl",
    "duration": "60.500000",
    "orig_bytes": "400",
    "resp_bytes": "900",
    "conn_state": "SF",
    "missed_bytes": "0",
    "history": "ShADadFf",
    "orig_pkts": "12",
    "orig_ip_bytes": "880",
    "resp_pkts": "11",
    "resp_ip_bytes": "1340",
    "tunnel_parents": "(empty)",
}
_NUMBERS = {"ts", "duration"}
_WHOLE = ("_p", "_bytes", "_pkts")


def header(path="conn", fields=CONN):
    """The lines that begin a log."""
    return (
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
        f"#path\t{path}\n#open\t2023-11-14-22-13-20\n#fields\t" + "\t".join(fields) + "\n"
        "#types\t" + "\t".join("string" for _ in fields) + "\n"
    )


def line(fields=CONN, base=ROW, **changes):
    """One row; members with a dot are given with two underscores."""
    row = base | {name.replace("__", "."): value for name, value in changes.items()}
    return "\t".join(row.get(name) or "-" for name in fields) + "\n"


def document(base=ROW, **changes):
    """One row as JSON."""
    row = base | {name.replace("__", "."): value for name, value in changes.items()}
    typed = {}
    for name, value in row.items():
        if name in _NUMBERS and value == base.get(name) and value is not None:
            value = float(value)
        elif name.endswith(_WHOLE) and isinstance(value, str):
            value = int(value)
        if value is not None and value != "(empty)":
            typed[name] = value
    return json.dumps(typed) + "\n"
