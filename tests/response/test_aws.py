# SPDX-License-Identifier: Apache-2.0
import re
import shlex

from minewatch.response.aws import NETWORK_ACL, NETWORK_FIREWALL, SECURITY_GROUP


def commands(planner, block):
    return [line for line in planner.plan(block) if not line.startswith("#")]


def test_a_security_group_cannot_deny_and_the_plan_says_so(block):
    text = "\n".join(SECURITY_GROUP.plan(block()))
    assert "security groups only allow" in text
    assert "all that it does is cut" in text
    assert commands(SECURITY_GROUP, block()) == [
        "aws ec2 describe-network-interfaces --filters "
        "Name=addresses.private-ip-address,Values=10.0.0.5 "
        "--query 'NetworkInterfaces[].[NetworkInterfaceId,Groups[].GroupId]'",
        'aws ec2 modify-network-interface-attribute --network-interface-id "$NETWORK_INTERFACE" '
        '--groups "$QUARANTINE_GROUP"',
        'aws ec2 modify-network-interface-attribute --network-interface-id "$NETWORK_INTERFACE" '
        '--groups "$OLD_GROUPS"',
    ]
    six = commands(SECURITY_GROUP, block(host="2001:db8::5", pool="2001:db8::9"))[0]
    assert "Name=ipv6-addresses.ipv6-address,Values=2001:db8::5" in six


def test_a_network_acl(block):
    assert commands(NETWORK_ACL, block()) == [
        'aws ec2 create-network-acl-entry --egress --network-acl-id "$NETWORK_ACL" '
        "--rule-number 10 --protocol tcp --port-range From=3333,To=3333 "
        "--cidr-block 203.0.113.9/32 --rule-action deny",
        'aws ec2 delete-network-acl-entry --egress --network-acl-id "$NETWORK_ACL" '
        "--rule-number 10",
    ]
    six = commands(NETWORK_ACL, block(host="2001:db8::5", pool="2001:db8::9"))[0]
    assert "--ipv6-cidr-block 2001:db8::9/128" in six
    assert any("every host of the subnet" in line for line in NETWORK_ACL.plan(block()))


def test_a_network_firewall_takes_a_rule_in_suricatas_words(block):
    create, delete = commands(NETWORK_FIREWALL, block())
    words = shlex.split(create)
    rule = words[words.index("--rules") + 1]
    assert re.fullmatch(
        r"drop tcp 10\.0\.0\.5 any -> 203\.0\.113\.9 3333 "
        r'\(msg:"minewatch-3c090e667a82"; sid:1\d{6}; rev:1;\)',
        rule,
    )
    assert words[:4] == ["aws", "network-firewall", "create-rule-group", "--rule-group-name"]
    assert shlex.split(delete)[2:5] == ["delete-rule-group", "--rule-group-name", words[4]]
    other = commands(NETWORK_FIREWALL, block(pool="203.0.113.10"))[0]
    assert re.search(r"sid:(\d+)", other)[1] != re.search(r"sid:(\d+)", create)[1]
