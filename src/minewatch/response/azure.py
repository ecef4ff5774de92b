# SPDX-License-Identifier: Apache-2.0
"""Plan for Azure: an outbound rule of a network security group."""

from __future__ import annotations

from typing import Final

from minewatch.response.cloud import CloudPlanner, Plan, Variable
from minewatch.response.ends import Ends

PRIORITY: Final = 100
"""100 to 4096; the lowest number is asked first."""
_GROUP = Variable("RESOURCE_GROUP")
_NSG = Variable("NSG")


def _network_security_group(ends: Ends, label: str) -> Plan:
    rule = ("--resource-group", _GROUP, "--nsg-name", _NSG, "--name", label)
    create = (
        *("az", "network", "nsg", "rule", "create", *rule, "--priority", str(PRIORITY)),
        *("--direction", "Outbound", "--access", "Deny", "--protocol", "Tcp"),
        *("--source-address-prefixes", str(ends.host), "--source-port-ranges", "*"),
        *("--destination-address-prefixes", str(ends.pool)),
        *("--destination-port-ranges", str(ends.port)),
    )
    return Plan(
        variables={
            _GROUP.name: "the resource group of the network security group",
            _NSG.name: f"the group of the subnet or the network interface of {ends.host}",
        },
        remarks=(
            f"priority {PRIORITY} must be free",
            "connections that are open already go on until they are idle, unless the group's "
            "property flushConnection is set",
        ),
        commands=(create,),
        undo=(("az", "network", "nsg", "rule", "delete", *rule),),
    )


NETWORK_SECURITY_GROUP: Final = CloudPlanner("azure-nsg", _network_security_group)
