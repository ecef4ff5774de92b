# SPDX-License-Identifier: Apache-2.0
from minewatch.response.azure import NETWORK_SECURITY_GROUP


def test_a_rule_for_one_host_one_pool_and_one_port(block):
    assert [line for line in NETWORK_SECURITY_GROUP.plan(block()) if not line.startswith("#")] == [
        'az network nsg rule create --resource-group "$RESOURCE_GROUP" --nsg-name "$NSG" '
        "--name minewatch-3c090e667a82 --priority 100 --direction Outbound --access Deny "
        "--protocol Tcp --source-address-prefixes 10.0.0.5 --source-port-ranges '*' "
        "--destination-address-prefixes 203.0.113.9 --destination-port-ranges 3333",
        'az network nsg rule delete --resource-group "$RESOURCE_GROUP" --nsg-name "$NSG" '
        "--name minewatch-3c090e667a82",
    ]
