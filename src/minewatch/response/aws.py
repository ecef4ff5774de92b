# SPDX-License-Identifier: Apache-2.0
"""Plans for AWS: a quarantine by security group, a network ACL entry, a Network Firewall rule."""

from __future__ import annotations

import hashlib
from typing import Final

from minewatch.response.cloud import CloudPlanner, Plan, Variable
from minewatch.response.ends import Ends

RULE_NUMBER: Final = 10
"""Low numbers come first in a network ACL."""
LOCAL_SID: Final = 1_000_000
"""Signature numbers from here to 1,999,999 are for local rules (Suricata's convention)."""

_GROUPS = Variable("QUARANTINE_GROUP")
_INTERFACE = Variable("NETWORK_INTERFACE")
_OLD_GROUP = Variable("OLD_GROUPS")
_ACL = Variable("NETWORK_ACL")


def _security_group(ends: Ends, label: str) -> Plan:
    kind = "addresses.private-ip-address" if ends.version == 4 else "ipv6-addresses.ipv6-address"
    find = (
        *("aws", "ec2", "describe-network-interfaces", "--filters"),
        f"Name={kind},Values={ends.host}",
        *("--query", "NetworkInterfaces[].[NetworkInterfaceId,Groups[].GroupId]"),
    )
    change = ("aws", "ec2", "modify-network-interface-attribute", "--network-interface-id")
    return Plan(
        variables={
            _GROUPS.name: "a group without outbound rules, but for those that you need to look in",
            _INTERFACE.name: "what the first command prints",
            _OLD_GROUP.name: "the group that it prints; note all of them, if there are several",
        },
        remarks=(
            "security groups only allow: no rule of theirs can deny one pool",
            f"so {ends.host} is put into quarantine: all that it does is cut, not only {ends.pool}",
            "connections that are open already go on until they are idle: add the network ACL",
        ),
        commands=(find, (*change, _INTERFACE, "--groups", _GROUPS)),
        undo=((*change, _INTERFACE, "--groups", _OLD_GROUP),),
    )


def _network_acl(ends: Ends, label: str) -> Plan:
    entry = ("--network-acl-id", _ACL, "--rule-number", str(RULE_NUMBER))
    cidr = "--cidr-block" if ends.version == 4 else "--ipv6-cidr-block"
    ports = f"From={ends.port},To={ends.port}"
    return Plan(
        variables={_ACL.name: f"the ACL of the subnet of {ends.host}"},
        remarks=(
            f"for every host of the subnet: a network ACL knows no source inside; {ends.pool} "
            f"port {ends.port} is closed to all",
            "stateless: open connections die at once",
            f"rule number {RULE_NUMBER} must be free",
        ),
        commands=(
            (
                *("aws", "ec2", "create-network-acl-entry", "--egress", *entry),
                *("--protocol", "tcp", "--port-range", ports),
                *(cidr, ends.pool_network, "--rule-action", "deny"),
            ),
        ),
        undo=(("aws", "ec2", "delete-network-acl-entry", "--egress", *entry),),
    )


def _network_firewall(ends: Ends, label: str) -> Plan:
    digest = hashlib.sha256(f"{ends.host} {ends.pool} {ends.port}".encode()).digest()
    sid = LOCAL_SID + int.from_bytes(digest[:4], "big") % 1_000_000
    host, pool = str(ends.host), str(ends.pool)
    rule = f'drop tcp {host} any -> {pool} {ends.port} (msg:"{label}"; sid:{sid}; rev:1;)'
    group = ("--rule-group-name", label, "--type", "STATEFUL")
    return Plan(
        variables={},
        remarks=(
            "then name the group in the firewall's policy: aws network-firewall "
            "update-firewall-policy",
            "with strict order give it a priority before what passes traffic",
            "take it out of the policy before it is deleted",
        ),
        commands=(
            (
                *("aws", "network-firewall", "create-rule-group", *group),
                *("--capacity", "1", "--rules", rule),
            ),
        ),
        undo=(("aws", "network-firewall", "delete-rule-group", *group),),
    )


SECURITY_GROUP: Final = CloudPlanner("aws-security-group", _security_group)
NETWORK_ACL: Final = CloudPlanner("aws-network-acl", _network_acl)
NETWORK_FIREWALL: Final = CloudPlanner("aws-network-firewall", _network_firewall)
