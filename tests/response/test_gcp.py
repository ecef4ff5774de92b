# SPDX-License-Identifier: Apache-2.0
from minewatch.response.gcp import FIREWALL


def test_a_rule_for_one_host_one_pool_and_one_port(block):
    assert [line for line in FIREWALL.plan(block()) if not line.startswith("#")] == [
        'gcloud compute firewall-rules create minewatch-3c090e667a82 --network "$NETWORK" '
        "--direction EGRESS --action DENY --rules tcp:3333 --source-ranges 10.0.0.5/32 "
        "--destination-ranges 203.0.113.9/32 --priority 100 --enable-logging",
        "gcloud compute firewall-rules delete minewatch-3c090e667a82 --quiet",
    ]
    six = FIREWALL.plan(block(host="2001:db8::5", pool="2001:db8::9"))
    assert any("--source-ranges 2001:db8::5/128" in line for line in six)
