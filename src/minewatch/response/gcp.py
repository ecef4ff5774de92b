# SPDX-License-Identifier: Apache-2.0
"""Plan for Google Cloud: an egress rule of the VPC's firewall."""

from __future__ import annotations

from typing import Final

from minewatch.response.cloud import CloudPlanner, Plan, Variable
from minewatch.response.ends import Ends

PRIORITY: Final = 100
"""Lower is stronger; what users make has 1000 unless told otherwise."""
_NETWORK = Variable("NETWORK")


def _firewall(ends: Ends, label: str) -> Plan:
    create = (
        *("gcloud", "compute", "firewall-rules", "create", label, "--network", _NETWORK),
        *("--direction", "EGRESS", "--action", "DENY", "--rules", f"tcp:{ends.port}"),
        *("--source-ranges", ends.host_network, "--destination-ranges", ends.pool_network),
        *("--priority", str(PRIORITY), "--enable-logging"),
    )
    return Plan(
        variables={_NETWORK.name: f"the VPC network of {ends.host}"},
        remarks=(
            "connections that are open already may go on until they are idle: restart the miner's "
            "machine, or cut it off by hand",
        ),
        commands=(create,),
        undo=(("gcloud", "compute", "firewall-rules", "delete", label, "--quiet"),),
    )


FIREWALL: Final = CloudPlanner("gcp-firewall", _firewall)
